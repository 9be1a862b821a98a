package dev.rafter.linux;

import static dev.rafter.linux.KernelException.check;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.stream.IntStream;

/** The calls of a fanotify group for pre-content events on one file. */
public final class FanotifyGroup {
    private static final int FAN_CLASS_PRE_CONTENT = 0x8;
    private static final int FAN_CLOEXEC = 0x1;
    private static final int FAN_NONBLOCK = 0x2;
    private static final int FAN_UNLIMITED_QUEUE = 0x10;
    private static final int FAN_UNLIMITED_MARKS = 0x20;
    private static final int FAN_MARK_ADD = 0x1;
    private static final int FAN_MARK_FLUSH = 0x80;
    private static final int HIGHEST_NUMBER = 1 << 16;
    private static final int EVENTS_SIZE_BYTES = 16 << 10;
    private static final long FAN_PRE_ACCESS = 0x0010_0000L;

    private FanotifyGroup() {}

    /** fanotify_init(2): events come with a descriptor for reading, which raises no events itself. */
    public static Fd init() throws KernelException {
        int flags = FAN_CLASS_PRE_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS;
        int eventFlags = Fd.O_RDONLY | Fd.O_LARGEFILE | Fd.O_CLOEXEC;
        long result = Syscall.call(Arch.FANOTIFY_INIT, flags, eventFlags);
        if (result < 0) {
            throw new KernelException(
                    "fanotify_init(FAN_CLASS_PRE_CONTENT)", (int) -result, "", initHint((int) -result));
        }
        return Fd.owned(result);
    }

    private static String initHint(int errno) {
        return switch (errno) {
            case Errno.EPERM -> "guarding files needs root (CAP_SYS_ADMIN)";
            case Errno.EMFILE ->
                "too many fanotify groups or descriptors: raise fs.fanotify.max_user_groups and the limit of open files";
            default -> "this kernel has no fanotify, or not for permission events (CONFIG_FANOTIFY_ACCESS_PERMISSIONS)";
        };
    }

    /** fanotify_mark(2): from now on reads of the file by descriptors opened later raise events. */
    public static void mark(Fd group, Path file) throws KernelException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment path = arena.allocateFrom(file.toString());
            long result = Syscall.call(
                    Arch.FANOTIFY_MARK, group.number(), FAN_MARK_ADD, FAN_PRE_ACCESS, Fd.AT_FDCWD, path.address());
            if (result < 0) {
                throw new KernelException(
                        "fanotify_mark(FAN_PRE_ACCESS)", (int) -result, file.toString(), markHint((int) -result));
            }
        }
    }

    private static String markHint(int errno) {
        return switch (errno) {
            case Errno.EINVAL ->
                "this kernel has no pre-content events: Linux 6.14 or newer is needed (6.15 for EROFS files)";
            case Errno.ENOTSUP ->
                "the filesystem of this file has no pre-content events: put --root on ext4, xfs or btrfs";
            default -> "the file cannot be guarded";
        };
    }

    /**
     * Denies all who wait at this moment, whoever read their events and died, or nobody yet: they get EIO, or ask again. An event that was
     * read can be answered by the number alone that it had in the process that read it.
     *
     * @param slots file of the events that were read, {@link EventSlots}; if there is none, as {@link #denyWaiting(Fd)}
     */
    public static void denyWaiting(Fd group, Path slots) {
        denyWaiting(group, EventSlots.unanswered(slots).orElseGet(FanotifyGroup::allNumbers));
    }

    /** The same where nobody knows which events were read: all numbers are tried, which takes some tens of milliseconds. */
    public static void denyWaiting(Fd group) {
        denyWaiting(group, allNumbers());
    }

    private static IntStream allNumbers() {
        return IntStream.range(0, HIGHEST_NUMBER);
    }

    private static void denyWaiting(Fd group, IntStream numbers) {
        try (Arena arena = Arena.ofConfined()) {
            CallState state = new CallState(arena);
            MemorySegment response = arena.allocate(EventLayout.RESPONSE_SIZE_BYTES, 8);
            numbers.forEach(number -> deny(state, group, response, number));
            MemorySegment events = arena.allocate(EVENTS_SIZE_BYTES, 8);
            for (long n = Syscall.read(state, group.number(), events);
                    n > 0;
                    n = Syscall.read(state, group.number(), events)) {
                for (long at = 0; at < n; at += EventLayout.length(events, at)) {
                    int fd = EventLayout.fd(events, at);
                    deny(state, group, response, fd);
                    Syscall.close(state, fd);
                }
            }
        }
    }

    private static void deny(CallState state, Fd group, MemorySegment response, int fd) {
        EventLayout.response(response, fd, EventLayout.DENY_WITH_EIO);
        Syscall.write(state, group.number(), response);
    }

    /** Takes the marks away: reads raise no events any more, at once. */
    public static void unmark(Fd group) throws KernelException {
        long result = Syscall.call(Arch.FANOTIFY_MARK, group.number(), FAN_MARK_FLUSH, 0, Fd.AT_FDCWD, 0);
        check(result, "fanotify_mark(FAN_MARK_FLUSH)", group);
    }
}
