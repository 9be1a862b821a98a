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
        Journal.Contents contents = Journal.read(file());
        assertEquals(List.of("one", "", "three \u00e9 {}"), contents.lines());
        assertTrue(contents.clean());
        try (Journal journal = Journal.append(file(), contents, Steps.NONE)) {
            journal.add("four", false);
        }
        assertEquals(4, Journal.read(file()).lines().size());
    }

    @Test
    void aLineCutAnywhereIsNotThere() throws IOException {
        write("first", "the last line");
        byte[] whole = Files.readAllBytes(file());
        int end = lastLineFeed(whole) + 1;
        int start = end - "12345678 the last line\n".length();
        for (int cut = start; cut < end; cut++) {
            Files.write(file(), Arrays.copyOf(whole, cut));
            Journal.Contents short1 = Journal.read(file());
            assertEquals(List.of("first"), short1.lines(), "cut at " + cut);
            assertEquals(0, short1.damaged());
            byte[] zeros = whole.clone();
            Arrays.fill(zeros, cut, end, (byte) 0);
            Files.write(file(), zeros);
            assertEquals(List.of("first"), Journal.read(file()).lines(), "zeros from " + cut);
            assertEquals(cut == start, Journal.read(file()).clean());
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
        Journal.Contents contents = Journal.read(file());
        assertEquals(List.of("first", "third"), contents.lines());
        assertEquals(1, contents.damaged());
        assertFalse(contents.clean());
    }

    @Test
    void anotherFileIsNotTakenForAJournal() throws IOException {
        Files.writeString(file(), "SQLite format 3\0 something\nelse\n");
        assertFalse(Journal.read(file()).clean());
        assertTrue(Journal.read(file()).damaged() > 0);
    }

    @Test
    void manyLinesExtendTheFile() throws IOException {
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < 3000; i++) {
            lines.add("line " + i + " " + "x".repeat(i % 700));
        }
        write(lines.toArray(String[]::new));
        assertEquals(lines, Journal.read(file()).lines());
        assertTrue(Journal.read(file()).clean());
    }

    @Test
    void aNoteIsALineToo() throws IOException {
        try (Journal journal = Journal.create(file(), List.of("one"), Steps.NONE)) {
            journal.note("two");
            journal.add("three", false);
            journal.note("four");
        }
        assertEquals(
                List.of("one", "two", "three", "four"), Journal.read(file()).lines());
        assertTrue(Journal.read(file()).clean());
    }

    @Test
    void rewritingKeepsWhatIsGiven() throws IOException {
        try (Journal journal = Journal.create(file(), List.of("a", "b"), Steps.NONE)) {
            journal.add("c", false);
            journal.rewrite(List.of("only"));
            journal.add("more", true);
        }
        assertEquals(List.of("only", "more"), Journal.read(file()).lines());
    }

    @Test
    void twoStoresCannotShareAFolder() throws IOException {
        try (StateStore store = StateStore.open(folder, Steps.NONE)) {
            assertEquals(List.of(), store.all());
            IOException refused = assertThrows(IOException.class, () -> StateStore.open(folder, Steps.NONE));
            assertTrue(refused.toString().contains("in use"), refused.toString());
        }
        StateStore.open(folder, Steps.NONE).close();
    }
}
