package dev.rafter.linux;

import static dev.rafter.linux.KernelException.check;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;

/** What a file takes on disk, holes not counted: statx(2), which Java's file attributes do not show. */
public final class DiskSpace {
    private static final int AT_SYMLINK_NOFOLLOW = 0x100;
    private static final int STATX_BLOCKS = 0x400;
    private static final int STATX_BYTES = 256;
    private static final int BLOCKS_OFFSET = 48;
    private static final int BLOCK_BYTES = 512;

    private DiskSpace() {}

    /** Allocated bytes of a file of any type; of a symbolic link itself, not of what it points to. */
    public static long allocatedBytes(Path file) throws KernelException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment status = arena.allocate(STATX_BYTES, Long.BYTES);
            MemorySegment path = arena.allocateFrom(ValueLayout.JAVA_BYTE, Fd.name(file));
            check(
                    Syscall.call(
                            Arch.STATX,
                            Fd.AT_FDCWD,
                            path.address(),
                            AT_SYMLINK_NOFOLLOW,
                            STATX_BLOCKS,
                            status.address()),
                    "statx",
                    file);
            return status.get(ValueLayout.JAVA_LONG, BLOCKS_OFFSET) * BLOCK_BYTES;
        }
    }
}
