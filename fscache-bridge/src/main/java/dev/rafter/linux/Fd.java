package dev.rafter.linux;

import static dev.rafter.linux.KernelException.check;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * An owned file descriptor: whoever holds the object closes it, exactly once; there is no cleaner behind it. All are close-on-exec.
 * Thread safe, but the owner sees to it that nobody uses the number after {@link #close}: it may mean another file by then.
 */
public final class Fd implements AutoCloseable {
    public static final int O_RDONLY = 0;
    public static final int O_WRONLY = 1;
    public static final int O_RDWR = 2;
    public static final int O_CREAT = 0x40;
    public static final int O_EXCL = 0x80;
    public static final int O_TRUNC = 0x200;
    public static final int O_NONBLOCK = 0x800;
    public static final int O_PATH = 0x200000;
    public static final int O_CLOEXEC = 0x80000;
    public static final int O_DIRECTORY = Arch.O_DIRECTORY;
    public static final int O_NOFOLLOW = Arch.O_NOFOLLOW;

    /** Without it a file of more than 2 GiB cannot be opened through an event. */
    public static final int O_LARGEFILE = Arch.O_LARGEFILE;

    static final int AT_FDCWD = -100;

    private static final int F_GETFD = 1;
    private static final int F_SETFD = 2;
    private static final int F_DUPFD_CLOEXEC = 1030;
    private static final int F_SETLEASE = 1024;
    private static final int F_SETSIG = 10;
    /** Ignored where nobody has asked for it. */
    private static final int SIGURG = 23;

    private static final int F_WRLCK = 1;
    private static final int F_UNLCK = 2;
    private static final int FD_CLOEXEC = 1;
    private static final int SEEK_DATA = 3;
    private static final int SEEK_HOLE = 4;
    private static final int SEEK_END = 2;
    private static final int FALLOC_FL_KEEP_SIZE = 1;
    private static final int FALLOC_FL_PUNCH_HOLE = 2;
    private static final int LOCK_EXCLUSIVE_NONBLOCK = 2 | 4;

    private static final VarHandle NUMBER = numberHandle();

    private volatile int number;

    private Fd(int number) {
        this.number = number;
    }

    /** Takes ownership of a descriptor that came from elsewhere, and makes it close-on-exec. */
    public static Fd adopt(int number) throws KernelException {
        long flags = check(Syscall.call(Arch.FCNTL, number, F_GETFD), "fcntl(F_GETFD)", "descriptor " + number);
        check(Syscall.call(Arch.FCNTL, number, F_SETFD, flags | FD_CLOEXEC), "fcntl(F_SETFD)", "descriptor " + number);
        return new Fd(number);
    }

    /** Owns the descriptor that a call has just returned. */
    static Fd owned(long number) {
        return new Fd(Math.toIntExact(number));
    }

    /** open(2), close-on-exec; a file that is created gets mode 0600. */
    public static Fd open(Path path, int flags) throws KernelException {
        try (Arena arena = Arena.ofConfined()) {
            long name = arena.allocateFrom(JAVA_BYTE, name(path)).address();
            int allFlags = flags | O_CLOEXEC | O_LARGEFILE;
            return owned(check(Syscall.call(Arch.OPENAT, AT_FDCWD, name, allFlags, 0600), "open", path));
        }
    }

    /** The path's own bytes with a NUL: its text does not have them when a name is in no encoding that this JVM speaks. */
    static byte[] name(Path path) {
        String text = path.toString();
        if (text.chars().allMatch(c -> c < 128)) {
            return (text + '\0').getBytes(StandardCharsets.US_ASCII);
        }
        String uri = path.toUri().getRawPath();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        int end = uri.endsWith("/") ? uri.length() - 1 : uri.length(); // of a folder: it would make a link be followed
        for (int i = 0; i < end; i++) {
            char c = uri.charAt(i);
            if (c == '%') {
                bytes.write(Integer.parseInt(uri.substring(i + 1, i + 3), 16));
                i += 2;
            } else {
                bytes.write(c);
            }
        }
        bytes.write(0);
        return bytes.toByteArray();
    }

    /** The number, for calls. */
    public int number() {
        int current = number;
        if (current < 0) {
            throw new IllegalStateException("descriptor is closed");
        }
        return current;
    }

    /** A second descriptor of the same open file. */
    public Fd duplicate() throws KernelException {
        return duplicateFrom(0);
    }

    /** A second descriptor of the same open file whose number is at least {@code lowest}. */
    public Fd duplicateFrom(int lowest) throws KernelException {
        return owned(check(Syscall.call(Arch.FCNTL, number(), F_DUPFD_CLOEXEC, lowest), "fcntl(F_DUPFD)", this));
    }

    /** Size of the file in bytes. */
    public long size() throws KernelException {
        return check(Syscall.call(Arch.LSEEK, number(), 0, SEEK_END), "lseek(SEEK_END)", this);
    }

    public void truncate(long sizeBytes) throws KernelException {
        check(Syscall.call(Arch.FTRUNCATE, number(), sizeBytes), "ftruncate", this);
    }

    /** Data to the disk, and what is needed to find it again. */
    public void syncData() throws KernelException {
        check(Syscall.call(Arch.FDATASYNC, number()), "fdatasync", this);
    }

    /** Data and metadata to the disk. */
    public void sync() throws KernelException {
        check(Syscall.call(Arch.FSYNC, number()), "fsync", this);
    }

    /** Reserves blocks for a range without changing the file's size. */
    public void allocate(long offset, long lengthBytes) throws KernelException {
        check(Syscall.call(Arch.FALLOCATE, number(), FALLOC_FL_KEEP_SIZE, offset, lengthBytes), "fallocate", this);
    }

    /** Turns a range into a hole. */
    public void punchHole(long offset, long lengthBytes) throws KernelException {
        int mode = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE;
        check(Syscall.call(Arch.FALLOCATE, number(), mode, offset, lengthBytes), "fallocate(PUNCH_HOLE)", this);
    }

    /** First byte of data at or after an offset; -1 if only a hole follows. */
    public long seekData(long offset) throws KernelException {
        return seek(offset, SEEK_DATA, "lseek(SEEK_DATA)");
    }

    /** First byte of a hole at or after an offset, the end of the file at last; -1 if the offset is beyond the end. */
    public long seekHole(long offset) throws KernelException {
        return seek(offset, SEEK_HOLE, "lseek(SEEK_HOLE)");
    }

    private long seek(long offset, int whence, String call) throws KernelException {
        long result = Syscall.call(Arch.LSEEK, number(), offset, whence);
        int enxio = 6;
        return result == -enxio ? -1 : check(result, call, this);
    }

    /** ioctl(2) with a plain number as argument. */
    public long ioctl(long request, long argument) throws KernelException {
        return check(Syscall.call(Arch.IOCTL, number(), request, argument), "ioctl", this);
    }

    /** Locks the file for this open file alone until it is closed; false if somebody else has it locked. */
    public boolean tryLock() throws KernelException {
        long result = Syscall.call(Arch.FLOCK, number(), LOCK_EXCLUSIVE_NONBLOCK);
        if (result == -Errno.EAGAIN) {
            return false;
        }
        check(result, "flock", this);
        return true;
    }

    /**
     * Whether this is the only open file of its inode in the whole system, the kernel's own ones counted: a mounted filesystem over the
     * file, a loop device, a mapping. The kernel says it by granting a write lease, or not; the lease is given back at once.
     */
    public boolean isOnlyOpenFile() throws KernelException {
        // Who opens the file meanwhile has us told by a signal: by default one that ends the process.
        check(Syscall.call(Arch.FCNTL, number(), F_SETSIG, SIGURG), "fcntl(F_SETSIG)", this);
        long result = Syscall.call(Arch.FCNTL, number(), F_SETLEASE, F_WRLCK);
        if (result == -Errno.EAGAIN || result == -Errno.EBUSY) {
            return false;
        }
        check(result, "fcntl(F_SETLEASE)", this);
        check(Syscall.call(Arch.FCNTL, number(), F_SETLEASE, F_UNLCK), "fcntl(F_SETLEASE)", this);
        return true;
    }

    /** The file that this descriptor is open on, as the kernel names it. */
    public Path path() {
        return Path.of("/proc/self/fd/" + number());
    }

    /** write(2) of the whole buffer in one call: for descriptors that take messages. */
    public void writeMessage(MemorySegment message) throws KernelException {
        try (Arena arena = Arena.ofConfined()) {
            check(Syscall.write(new CallState(arena), number(), message), "write", this);
        }
    }

    @Override
    public void close() {
        int current = (int) NUMBER.getAndSet(this, -1);
        if (current >= 0) {
            // The number is gone even when close reports an error, and a file's data is made safe by syncData, never by
            // close.
            Syscall.call(Arch.CLOSE, current);
        }
    }

    @Override
    public String toString() {
        return "descriptor " + number;
    }

    private static VarHandle numberHandle() {
        try {
            return MethodHandles.lookup().findVarHandle(Fd.class, "number", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }
}
