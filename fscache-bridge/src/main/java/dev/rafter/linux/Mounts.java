package dev.rafter.linux;

import static dev.rafter.linux.KernelException.check;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Mounting through fsopen, fsconfig, fsmount and move_mount (the kernel's {@code fs/fsopen.c}): one call per option, so that there may be
 * any number of devices, and the filesystem's own words when it refuses.
 */
public final class Mounts {
    private static final int FSOPEN_CLOEXEC = 1;
    private static final int FSCONFIG_SET_STRING = 1;
    private static final int FSCONFIG_CMD_CREATE = 6;
    private static final int FSMOUNT_CLOEXEC = 1;
    private static final int MOUNT_ATTR_RDONLY = 0x1;
    private static final int MOUNT_ATTR_NOSUID = 0x2;
    private static final int MOUNT_ATTR_NODEV = 0x4;
    private static final int MOVE_MOUNT_F_EMPTY_PATH = 0x4;
    private static final int MNT_DETACH = 2;
    private static final int LONGEST_LOG_LINE = 4096;
    private static final int LONGEST_VALUE_BYTES = 255;

    private Mounts() {}

    /**
     * Mounts an EROFS image file, read-only, without set-user-ID and device nodes. Set-user-ID programs work in a container all the same:
     * what counts there are the flags of the overlay above.
     *
     * @param bootstrap file on ext4, xfs or btrfs
     * @param devices files of the extra devices, in the order of the image's device table
     * @throws KernelException with what the kernel said
     */
    public static void mountErofs(Path bootstrap, List<Path> devices, Path target) throws KernelException {
        try (Fd mount = detachedErofs(bootstrap, devices)) {
            attach(mount, target);
        }
    }

    /** The same mount at no place: it is seen below the descriptor's path alone, and ends with the descriptor unless it is attached. */
    public static Fd detachedErofs(Path bootstrap, List<Path> devices) throws KernelException {
        try (Arena arena = Arena.ofConfined();
                Fd context = open(arena, bootstrap);
                Handles handles = new Handles()) {
            configure(arena, context, "source", handles.name(bootstrap), bootstrap);
            for (Path device : devices) {
                configure(arena, context, "device", handles.name(device), device);
            }
            said(
                    Syscall.call(Arch.FSCONFIG, context.number(), FSCONFIG_CMD_CREATE),
                    context,
                    "mount(erofs)",
                    bootstrap);
            long attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
            return Fd.owned(said(
                    Syscall.call(Arch.FSMOUNT, context.number(), FSMOUNT_CLOEXEC, attributes),
                    context,
                    "fsmount(erofs)",
                    bootstrap));
        }
    }

    /** Puts a detached mount at its place. */
    public static void attach(Fd mount, Path target) throws KernelException {
        try (Arena arena = Arena.ofConfined()) {
            move(arena, mount, target);
        }
    }

    /** Names that fsconfig(2) takes: it refuses those of 256 bytes and more, and takes no descriptors for these keys. */
    private static final class Handles implements AutoCloseable {
        private final List<Fd> opened = new ArrayList<>();

        String name(Path file) throws KernelException {
            if (file.toString().getBytes(StandardCharsets.UTF_8).length <= LONGEST_VALUE_BYTES) {
                return file.toString();
            }
            Fd handle = Fd.open(file, Fd.O_PATH);
            opened.add(handle);
            return handle.path().toString();
        }

        @Override
        public void close() {
            opened.forEach(Fd::close);
        }
    }

    private static Fd open(Arena arena, Path bootstrap) throws KernelException {
        long result = Syscall.call(Arch.FSOPEN, text(arena, "erofs"), FSOPEN_CLOEXEC);
        if (result == -Errno.ENODEV) {
            throw new KernelException(
                    "fsopen(erofs)",
                    Errno.ENODEV,
                    bootstrap.toString(),
                    "this kernel has no EROFS; it needs CONFIG_EROFS_FS, or \"modprobe erofs\"");
        }
        return Fd.owned(check(result, "fsopen(erofs)", bootstrap));
    }

    private static void configure(Arena arena, Fd context, String key, String value, Path file) throws KernelException {
        long result = Syscall.call(
                Arch.FSCONFIG, context.number(), FSCONFIG_SET_STRING, text(arena, key), text(arena, value), 0);
        said(result, context, "fsconfig(" + key + ")", file);
    }

    private static void move(Arena arena, Fd mount, Path target) throws KernelException {
        long result = Syscall.call(
                Arch.MOVE_MOUNT,
                mount.number(),
                text(arena, ""),
                Fd.AT_FDCWD,
                text(arena, target.toString()),
                MOVE_MOUNT_F_EMPTY_PATH);
        check(result, "move_mount", target);
    }

    /** Checks a result; what the filesystem has to say about a failure goes into the exception. */
    private static long said(long result, Fd context, String call, Object object) throws KernelException {
        if (result < 0) {
            throw new KernelException(call, (int) -result, object.toString(), hint((int) -result, log(context)));
        }
        return result;
    }

    private static @Nullable String hint(int errno, String log) {
        if (errno == Errno.ENOTBLK) {
            return "EROFS cannot be mounted from this file: it must be on ext4, xfs or btrfs, and the kernel must be Linux"
                    + " 6.12 or newer with CONFIG_EROFS_FS_BACKED_BY_FILE";
        }
        if (errno == Errno.EPERM) {
            return "mounting needs root (CAP_SYS_ADMIN)";
        }
        return log.isEmpty() ? null : log;
    }

    private static String log(Fd context) {
        StringBuilder lines = new StringBuilder();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment line = arena.allocate(LONGEST_LOG_LINE);
            CallState state = new CallState(arena);
            for (long n = Syscall.read(state, context.number(), line);
                    n > 0;
                    n = Syscall.read(state, context.number(), line)) {
                byte[] bytes = line.asSlice(0, n).toArray(ValueLayout.JAVA_BYTE);
                lines.append(lines.isEmpty() ? "" : "; ").append(new String(bytes, StandardCharsets.UTF_8).strip());
            }
        }
        return lines.toString();
    }

    /**
     * Unmounts.
     *
     * @throws KernelException with {@link Errno#EBUSY} while something uses it
     */
    public static void unmount(Path target) throws KernelException {
        unmount(target, 0, "umount");
    }

    /** Takes a mount out of the tree now; it ends when its last user does. */
    public static void detach(Path target) throws KernelException {
        unmount(target, MNT_DETACH, "umount(MNT_DETACH)");
    }

    private static void unmount(Path target, int flags, String call) throws KernelException {
        try (Arena arena = Arena.ofConfined()) {
            check(Syscall.call(Arch.UMOUNT2, text(arena, target.toString()), flags), call, target);
        }
    }

    private static long text(Arena arena, String text) {
        return arena.allocateFrom(text).address();
    }
}
