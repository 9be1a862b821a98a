package dev.rafter.linux;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Error numbers by name, and what to do about them. The numbers are those of Linux on x86-64 and arm64. */
public final class Errno {
    public static final int EPERM = 1;
    public static final int ENOENT = 2;
    public static final int EINTR = 4;
    public static final int EIO = 5;
    public static final int EBADF = 9;
    public static final int ECHILD = 10;
    public static final int EAGAIN = 11;
    public static final int ENOMEM = 12;
    public static final int EACCES = 13;
    public static final int ENOTBLK = 15;
    public static final int EBUSY = 16;
    public static final int EEXIST = 17;
    public static final int ENODEV = 19;
    public static final int ENOTDIR = 20;
    public static final int EISDIR = 21;
    public static final int EINVAL = 22;
    public static final int ENFILE = 23;
    public static final int EMFILE = 24;
    public static final int ENOSPC = 28;
    public static final int EROFS = 30;
    public static final int ENAMETOOLONG = 36;
    public static final int ENOSYS = 38;
    public static final int ELOOP = 40;
    public static final int ENODATA = 61;
    public static final int EUCLEAN = 117;
    public static final int ENOTSUP = 95;
    public static final int ECONNREFUSED = 111;
    public static final int EDQUOT = 122;

    private static final Map<Integer, String> NAMES = Map.ofEntries(
            Map.entry(EPERM, "EPERM (not permitted)"),
            Map.entry(ENOENT, "ENOENT (no such file)"),
            Map.entry(EINTR, "EINTR (interrupted)"),
            Map.entry(EIO, "EIO (input/output error)"),
            Map.entry(EBADF, "EBADF (bad descriptor)"),
            Map.entry(ECHILD, "ECHILD (no such child)"),
            Map.entry(EAGAIN, "EAGAIN (try again)"),
            Map.entry(ENOMEM, "ENOMEM (out of memory)"),
            Map.entry(EACCES, "EACCES (access denied)"),
            Map.entry(ENOTBLK, "ENOTBLK (not a block device)"),
            Map.entry(EBUSY, "EBUSY (in use)"),
            Map.entry(EEXIST, "EEXIST (exists)"),
            Map.entry(ELOOP, "ELOOP (symbolic link)"),
            Map.entry(ENODEV, "ENODEV (no such device or filesystem type)"),
            Map.entry(ENOTDIR, "ENOTDIR (not a directory)"),
            Map.entry(EISDIR, "EISDIR (is a directory)"),
            Map.entry(EINVAL, "EINVAL (invalid argument)"),
            Map.entry(ENFILE, "ENFILE (system out of descriptors)"),
            Map.entry(EMFILE, "EMFILE (process out of descriptors or groups)"),
            Map.entry(ENOSPC, "ENOSPC (no space left)"),
            Map.entry(EROFS, "EROFS (read-only filesystem)"),
            Map.entry(ENAMETOOLONG, "ENAMETOOLONG (name too long)"),
            Map.entry(ENOSYS, "ENOSYS (kernel has no such call)"),
            Map.entry(ENODATA, "ENODATA (no data)"),
            Map.entry(EUCLEAN, "EUCLEAN (structure needs cleaning)"),
            Map.entry(ENOTSUP, "EOPNOTSUPP (not supported)"),
            Map.entry(ECONNREFUSED, "ECONNREFUSED (connection refused)"),
            Map.entry(EDQUOT, "EDQUOT (quota used up)"));

    private Errno() {}

    /** Name and meaning, for a message. */
    public static String describe(int errno) {
        return NAMES.getOrDefault(errno, "errno " + errno);
    }

    /** What a person can do about it, where the call that failed knows nothing better; null if that depends. */
    static @Nullable String advice(int errno) {
        return switch (errno) {
            case EPERM -> "this needs root (CAP_SYS_ADMIN)";
            case EACCES -> "its permissions, or this program's confinement, do not allow it";
            case ENOSPC -> "make room there, or choose another --root";
            case EDQUOT -> "raise the quota, or choose another --root";
            case EMFILE -> "raise the limit of open files (ulimit -n; LimitNOFILE= of the service)";
            case ENFILE -> "raise fs.file-max";
            case ENOMEM -> "free memory, or raise the memory limit";
            case EROFS -> "choose a --root that can be written";
            case EIO -> "the disk fails; the kernel's log (dmesg) says more";
            case ENODEV, ENOSYS, ENOTSUP -> "this kernel is too old for it, or was built without it";
            default -> null;
        };
    }
}
