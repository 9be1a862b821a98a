package dev.rafter.snapshotter;

import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A file of lines, each of which is either wholly there or not at all, whenever the process or the machine stops.
 *
 * <pre>
 *   file  = header line* NUL*
 *   header = "rafter-state 1" LF
 *   line  = crc SP text LF        crc: CRC-32C of the text, 8 hexadecimal digits; text: UTF-8 without LF and NUL; at most 4 MiB
 * </pre>
 *
 * The file is allocated ahead with zeros, so that appending changes no metadata, and so that lines that free space can be written when
 * the disk is full (but for btrfs, which writes elsewhere what is overwritten). A last line that is cut short was never acknowledged and
 * is dropped. Reading is {@link JournalReader}'s, writing {@link JournalFile}'s; the file is replaced by another under its name. Not
 * thread safe.
 */
final class Journal implements Closeable {
    private static final Logger LOG = LoggerFactory.getLogger(Journal.class);

    private final Path file;
    private final Steps steps;
    private JournalFile current;
    private boolean inPlace;

    private Journal(Path file, JournalFile current, boolean inPlace, Steps steps) {
        this.file = file;
        this.current = current;
        this.inPlace = inPlace;
        this.steps = steps;
    }

    /** Goes on with a file as it is, as far as it could be read. That needs no space on the disk. */
    static Journal append(Path file, JournalReader.Contents contents, Steps steps) throws IOException {
        Files.deleteIfExists(next(file));
        JournalFile opened = JournalFile.open(file, contents.endBytes(), contents.leftoverBytes(), steps);
        // Whoever put it there may have died before the disk had its name.
        Journal journal = new Journal(file, opened, false, steps);
        journal.trySettle();
        return journal;
    }

    /** Replaces the file, whatever it was, by one with these lines; if this fails, it stays as it was. */
    static Journal create(Path file, Iterable<String> lines, Steps steps) throws IOException {
        Journal journal = new Journal(file, replace(file, lines, steps), false, steps);
        journal.trySettle();
        return journal;
    }

    private static JournalFile replace(Path file, Iterable<String> lines, Steps steps) throws IOException {
        Path next = next(file);
        JournalFile made = JournalFile.create(next, lines, steps);
        try {
            steps.after("journal rewritten");
            Files.move(next, file, StandardCopyOption.ATOMIC_MOVE);
            return made;
        } catch (IOException e) {
            made.close();
            Files.deleteIfExists(next);
            throw e;
        }
    }

    private static Path next(Path file) {
        return file.resolveSibling(file.getFileName() + ".new");
    }

    private void trySettle() {
        try {
            place();
            current.settle();
        } catch (IOException e) {
            LOG.warn("{}: no change is accepted until the disk takes what is written: {}", file, e.toString());
        }
    }

    /** The disk has to have this file under this name before a line in it can count. */
    private void place() throws IOException {
        if (!inPlace) {
            steps.after("journal renamed");
            syncFolder(file);
            steps.after("journal in place");
            inPlace = true;
        }
    }

    private static void syncFolder(Path file) throws IOException {
        Path folder = file.toAbsolutePath().getParent();
        if (folder != null) {
            try (FileChannel opened = FileChannel.open(folder, StandardOpenOption.READ)) {
                opened.force(true);
            }
        }
    }

    /**
     * Adds a line; when this returns, it is there for good.
     *
     * @param frees whether the line records that space becomes free: such a line can still be written on a full disk
     * @throws IOException if it could not be written; then it is not there
     */
    void add(String line, boolean frees) throws IOException {
        append(line, frees, true);
        steps.after("line durable");
    }

    /** Adds a line that survives the process, but the machine only when another line was added after it, or some time has passed. */
    void note(String line) throws IOException {
        append(line, false, false);
    }

    private void append(String line, boolean frees, boolean durable) throws IOException {
        try {
            place();
            current.append(line, frees, durable);
        } catch (IOException e) {
            throw new IOException("cannot write " + file + ": " + e.getMessage(), e);
        }
    }

    /** Replaces all lines by these, which say the same in less space; if this fails, the journal stays as it was. */
    void rewrite(Iterable<String> lines) throws IOException {
        JournalFile made = replace(file, lines, steps);
        try (JournalFile _ = current) {
            current = made;
            inPlace = false;
            trySettle();
        }
    }

    long sizeBytes() {
        return current.sizeBytes();
    }

    @Override
    public void close() throws IOException {
        current.close();
    }
}
