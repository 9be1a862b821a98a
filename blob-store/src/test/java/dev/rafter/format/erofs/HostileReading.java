package dev.rafter.format.erofs;

import dev.rafter.format.DirectoryEntry;
import dev.rafter.format.FileType;
import dev.rafter.format.ImageException;
import dev.rafter.format.Inode;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.HexFormat;
import java.util.List;

/** Reads all that a reader can be asked for from bytes of any kind; only the typed refusals may come out of it. */
final class HostileReading {
    private HostileReading() {}

    static int readAll(byte[] bytes, Dialect dialect) throws IOException {
        int[] files = {0};
        try {
            ErofsImage image =
                    ErofsImage.open(MemorySegment.ofArray(bytes), "fuzzed", ErofsImage.Devices.SEPARATE, dialect);
            image.validate((at, inode) -> {
                files[0]++;
                at.path();
                readOne(image, inode);
            });
        } catch (ImageException refused) {
            if (String.valueOf(refused.getMessage()).isBlank()) {
                throw new AssertionError(
                        "an error that says nothing: " + HexFormat.of().formatHex(bytes), refused);
            }
        }
        return files[0];
    }

    private static void readOne(ErofsImage image, Inode inode) throws ImageException {
        if (inode.type() == FileType.DIRECTORY && image.superblock().rootNid() == inode.number()) {
            List<DirectoryEntry> entries = image.directory(inode);
            image.lookup(inode, entries.isEmpty() ? "x" : entries.getLast().name());
        }
    }
}
