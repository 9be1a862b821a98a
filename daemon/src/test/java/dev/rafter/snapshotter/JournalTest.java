package dev.rafter.snapshotter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JournalTest {
    @TempDir
    Path folder;

    private Path file() {
        return folder.resolve("state.db");
    }

    private final List<String> lines = new ArrayList<>();

    private JournalReader.Contents read() throws IOException {
        lines.clear();
        return JournalReader.read(file(), lines::add);
    }

    private List<String> readLines() throws IOException {
        var _ = read();
        return List.copyOf(lines);
    }

    private void write(String... lines) throws IOException {
        try (Journal journal = Journal.create(file(), List.of(), Steps.NONE)) {
            for (String line : lines) {
                journal.add(line, false);
            }
        }
    }

    @Test
    void whatWasAddedIsRead() throws IOException {
        write("one", "", "three \u00e9 {}");
        JournalReader.Contents contents = read();
        assertEquals(List.of("one", "", "three \u00e9 {}"), lines);
        assertTrue(contents.clean());
        try (Journal journal = Journal.append(file(), contents, Steps.NONE)) {
            journal.add("four", false);
        }
        assertEquals(4, readLines().size());
    }

    @Test
    void aLineCutAnywhereIsNotThere() throws IOException {
        write("first", "the last line");
        byte[] whole = Files.readAllBytes(file());
        int end = lastLineFeed(whole) + 1;
        int start = end - "12345678 the last line\n".length();
        for (int cut = start; cut < end; cut++) {
            Files.write(file(), Arrays.copyOf(whole, cut));
            JournalReader.Contents short1 = read();
            assertEquals(List.of("first"), lines, "cut at " + cut);
            assertEquals(0, short1.damaged());
            byte[] zeros = whole.clone();
            Arrays.fill(zeros, cut, end, (byte) 0);
            Files.write(file(), zeros);
            assertEquals(List.of("first"), readLines(), "zeros from " + cut);
            assertEquals(cut == start, read().clean());
        }
    }

    private static int lastLineFeed(byte[] bytes) {
        int last = -1;
        for (int i = 0; i < bytes.length; i++) {
            if (bytes[i] == '\n') {
                last = i;
            }
        }
        return last;
    }

    @Test
    void aDamagedLineCostsOnlyItself() throws IOException {
        write("first", "second", "third");
        byte[] bytes = Files.readAllBytes(file());
        String text = new String(bytes, java.nio.charset.StandardCharsets.ISO_8859_1);
        bytes[text.indexOf("second") + 2] ^= 1;
        Files.write(file(), bytes);
        JournalReader.Contents contents = read();
        assertEquals(List.of("first", "third"), lines);
        assertEquals(1, contents.damaged());
        assertFalse(contents.clean());
    }

    @Test
    void anotherFileIsNotTakenForAJournal() throws IOException {
        Files.writeString(file(), "SQLite format 3\0 something\nelse\n");
        assertFalse(read().clean());
        assertTrue(read().damaged() > 0);
    }

    @Test
    void manyLinesExtendTheFile() throws IOException {
        List<String> many = new ArrayList<>();
        for (int i = 0; i < 3000; i++) {
            many.add("line " + i + " " + "x".repeat(i % 700));
        }
        write(many.toArray(String[]::new));
        assertEquals(many, readLines());
        assertTrue(read().clean());
    }

    @Test
    void aNoteIsALineToo() throws IOException {
        try (Journal journal = Journal.create(file(), List.of("one"), Steps.NONE)) {
            journal.note("two");
            journal.add("three", false);
            journal.note("four");
        }
        assertEquals(List.of("one", "two", "three", "four"), readLines());
        assertTrue(read().clean());
    }

    @Test
    void rewritingKeepsWhatIsGiven() throws IOException {
        try (Journal journal = Journal.create(file(), List.of("a", "b"), Steps.NONE)) {
            journal.add("c", false);
            journal.rewrite(List.of("only"));
            journal.add("more", true);
        }
        assertEquals(List.of("only", "more"), readLines());
    }

    @Test
    void twoStoresCannotShareAFolder() throws IOException {
        try (StateStore store = StateStore.open(folder, false, Steps.NONE)) {
            assertEquals(List.of(), store.all());
            IOException refused = assertThrows(IOException.class, () -> StateStore.open(folder, false, Steps.NONE));
            assertTrue(refused.toString().contains("in use"), refused.toString());
        }
        StateStore.open(folder, false, Steps.NONE).close();
    }

    /** The disk fails at one step, as often as asked. */
    private static final class Failing implements Steps {
        private final String step;
        private int times;

        Failing(String step) {
            this.step = step;
        }

        @Override
        public void after(String reached) throws IOException {
            if (reached.equals(step) && times > 0) {
                times--;
                throw new IOException("Input/output error");
            }
        }
    }

    private void assertOnlyTheJournalIsThere() throws IOException {
        try (var files = Files.list(folder)) {
            assertEquals(List.of(file()), files.toList());
        }
    }

    @Test
    void afterARenameTheNewFileIsTheOneInUse() throws IOException {
        Failing disk = new Failing("journal in place");
        try (Journal journal = Journal.create(file(), List.of("a"), disk)) {
            journal.add("b", false);
            disk.times = 2;
            journal.rewrite(List.of("a and b"));
            assertThrows(IOException.class, () -> journal.add("refused", true));
            journal.add("c", false);
            journal.add("d", false);
        }
        assertEquals(List.of("a and b", "c", "d"), readLines());
        assertOnlyTheJournalIsThere();
    }

    /** Who renamed it may have died before the disk had the name. */
    @Test
    void aFileThatIsGoneOnWithHasItsNameOnDiskBeforeALineCounts() throws IOException {
        write("a");
        Failing disk = new Failing("journal in place");
        disk.times = 2;
        try (Journal journal = Journal.append(file(), read(), disk)) {
            assertThrows(IOException.class, () -> journal.add("refused", true));
            journal.add("b", false);
        }
        assertEquals(List.of("a", "b"), readLines());
    }

    @Test
    void aRewriteThatFailsLeavesTheJournalAsItWas() throws IOException {
        Failing disk = new Failing("journal rewritten");
        try (Journal journal = Journal.create(file(), List.of("a"), disk)) {
            disk.times = 1;
            long before = openFiles();
            assertThrows(IOException.class, () -> journal.rewrite(List.of("short")));
            assertEquals(before, openFiles());
            assertOnlyTheJournalIsThere();
            journal.add("b", false);
        }
        assertEquals(List.of("a", "b"), readLines());
    }

    private long openFiles() throws IOException {
        long found = 0;
        try (var files = Files.list(Path.of("/proc/self/fd"))) {
            for (Path file : files.toList()) {
                found += Files.readSymbolicLink(file).startsWith(folder) ? 1 : 0;
            }
        }
        return found;
    }

    @Test
    void aFailedLineIsWipedOutBeforeAnotherIsTaken() throws IOException {
        int[] failures = new int[2];
        Steps disk = step -> {
            int i = step.equals("line written") ? 0 : step.equals("doubts written over") ? 1 : -1;
            if (i >= 0 && failures[i]-- > 0) {
                throw new IOException("Input/output error");
            }
        };
        try (Journal journal = Journal.create(file(), List.of("a"), disk)) {
            journal.note("noted");
            failures[0] = 1;
            failures[1] = 3;
            assertThrows(IOException.class, () -> journal.add("a long line that fails, and stays for now", false));
            assertThrows(IOException.class, () -> journal.add("refused", false));
            assertThrows(IOException.class, () -> journal.add("refused, too", true));
            journal.add("b", false);
        }
        assertEquals(List.of("a", "noted", "b"), readLines());
        assertTrue(read().clean());
    }

    @Test
    void whatATornLineLeftIsWipedOutInPlace() throws IOException {
        write("first", "second");
        byte[] whole = Files.readAllBytes(file());
        int end = lastLineFeed(whole) + 1;
        byte[] torn = "12345678 torn\nand more\n\0\0and more".getBytes(java.nio.charset.StandardCharsets.UTF_8);
        System.arraycopy(torn, 0, whole, end, torn.length);
        Files.write(file(), whole);
        JournalReader.Contents contents = read();
        assertEquals(0, contents.damaged());
        assertFalse(contents.clean());
        try (Journal journal = Journal.append(file(), contents, Steps.NONE)) {
            assertTrue(read().clean());
            journal.add("third", false);
        }
        assertEquals(List.of("first", "second", "third"), readLines());
        assertTrue(read().clean());
    }

    @Test
    void longLinesAreReadOneByOne() throws IOException {
        String[] line = {"x".repeat(3 << 20)};
        Iterable<String> many =
                () -> java.util.stream.Stream.generate(() -> line[0]).limit(20).iterator();
        Journal.create(file(), many, Steps.NONE).close();
        int[] found = new int[1];
        JournalReader.Contents contents = JournalReader.read(file(), text -> {
            assertEquals(line[0], text);
            found[0]++;
        });
        assertEquals(20, found[0]);
        assertTrue(contents.clean());
    }

    @Test
    void linesHaveABound() throws IOException {
        try (Journal journal = Journal.create(file(), List.of("a"), Steps.NONE)) {
            String absurd = "x".repeat(JournalFile.MAX_LINE_BYTES);
            assertTrue(assertThrows(IOException.class, () -> journal.add(absurd, false))
                    .toString()
                    .contains("at most"));
            journal.add("b", false);
        }
        byte[] bytes = Files.readAllBytes(file());
        int end = lastLineFeed(bytes) + 1;
        try (var out = Files.newOutputStream(file())) {
            out.write(bytes, 0, end);
            out.write(new byte[JournalFile.MAX_LINE_BYTES]);
            out.write("x\n".getBytes(java.nio.charset.StandardCharsets.UTF_8));
            out.write(bytes, "rafter-state 1\n".length(), end - "rafter-state 1\n".length());
        }
        assertEquals(List.of("a", "b", "a", "b"), readLines());
        assertEquals(1, read().damaged());
    }

    @Test
    void theStateOfAnotherVersionIsRefusedAndStays() throws IOException {
        Files.writeString(file(), "rafter-state 2\nwho knows\n");
        assertTrue(assertThrows(IOException.class, () -> StateStore.open(folder, false, Steps.NONE))
                .toString()
                .contains("another version"));
        write("{\"put\":[],\"fromTheFuture\":1}");
        byte[] before = Files.readAllBytes(file());
        IOException refused = assertThrows(IOException.class, () -> StateStore.open(folder, false, Steps.NONE));
        assertTrue(refused.toString().contains("newer version"), refused.toString());
        assertTrue(refused.toString().contains("fromTheFuture"), refused.toString());
        write("{\"put\":[{\"id\":1,\"name\":\"a\",\"kind\":\"ACTIVE\",\"created\":\"some day\",\"updated\":\"\"}]}");
        assertThrows(IOException.class, () -> StateStore.open(folder, false, Steps.NONE));
        Files.write(file(), before);
    }

    @Test
    void aDamagedStateIsKeptAside() throws IOException {
        try (StateStore store = StateStore.open(folder, false, Steps.NONE)) {
            assertFalse(store.isIncomplete());
        }
        Files.writeString(file(), "something else\n");
        try (StateStore store = StateStore.open(folder, false, Steps.NONE)) {
            assertTrue(store.isIncomplete());
        }
        assertEquals("something else\n", Files.readString(folder.resolve("state.db.damaged")));
        assertTrue(read().clean());
    }

    @Test
    void aDamagedStateThatCannotBeKeptAsideIsKnownToBeDamaged() throws IOException {
        write("{}", "{}");
        String text = Files.readString(file());
        Files.writeString(file(), text.replaceFirst("\\{}", "[]"));
        Files.writeString(folder.resolve("state.db.damaged"), "of another time");
        Files.createDirectories(folder.resolve("state.db.damaged.new/in the way"));
        for (int start = 0; start < 2; start++) {
            try (StateStore store = StateStore.open(folder, false, Steps.NONE)) {
                assertTrue(store.isIncomplete());
            }
            assertEquals("of another time", Files.readString(folder.resolve("state.db.damaged")));
        }
    }
}
