package dev.rafter.linux;

/**
 * What differs between the processors: the numbers of the older system calls, a few flags of open(2), one structure. Calls newer than
 * 2019 have the same number everywhere. Source: the kernel's {@code arch/x86/entry/syscalls/syscall_64.tbl} and
 * {@code include/uapi/asm-generic/unistd.h}.
 */
final class Arch {
    private static final boolean X86_64 = isX86();

    static final int READ = pick(0, 63);
    static final int WRITE = pick(1, 64);
    static final int OPENAT = pick(257, 56);
    static final int CLOSE = pick(3, 57);
    static final int PREAD64 = pick(17, 67);
    static final int PWRITE64 = pick(18, 68);
    static final int IOCTL = pick(16, 29);
    static final int FCNTL = pick(72, 25);
    static final int FLOCK = pick(73, 32);
    static final int FSYNC = pick(74, 82);
    static final int FDATASYNC = pick(75, 83);
    static final int FTRUNCATE = pick(77, 46);
    static final int FALLOCATE = pick(285, 47);
    static final int LSEEK = pick(8, 62);
    static final int FSTATFS = pick(138, 44);
    static final int UMOUNT2 = pick(166, 39);
    static final int MOUNT = pick(165, 40);
    static final int FANOTIFY_INIT = pick(300, 262);
    static final int FANOTIFY_MARK = pick(301, 263);
    static final int EPOLL_CREATE1 = pick(291, 20);
    static final int EPOLL_CTL = pick(233, 21);
    static final int EPOLL_PWAIT = pick(281, 22);
    static final int EVENTFD2 = pick(290, 19);
    static final int PIPE2 = pick(293, 59);
    static final int PPOLL = pick(271, 73);
    static final int SOCKET = pick(41, 198);
    static final int BIND = pick(49, 200);
    static final int CONNECT = pick(42, 203);
    static final int SETSOCKOPT = pick(54, 208);
    static final int SENDMSG = pick(46, 211);
    static final int RECVMSG = pick(47, 212);
    static final int PRLIMIT64 = pick(302, 261);
    static final int KILL = pick(62, 129);
    static final int WAIT4 = pick(61, 260);
    static final int STATX = pick(332, 291);
    static final int GETEUID = pick(107, 175);
    static final int GETPPID = pick(110, 173);

    static final int OPEN_TREE = 428;
    static final int MOVE_MOUNT = 429;
    static final int FSOPEN = 430;
    static final int FSCONFIG = 431;
    static final int FSMOUNT = 432;
    static final int PIDFD_SEND_SIGNAL = 424;
    static final int PIDFD_OPEN = 434;
    static final int CLOSE_RANGE = 436;
    static final int MOUNT_SETATTR = 442;

    static final int O_LARGEFILE = pick(0x8000, 0x20000);
    static final int O_DIRECTORY = pick(0x10000, 0x4000);
    static final int O_NOFOLLOW = pick(0x20000, 0x8000);

    /** {@code struct epoll_event} is packed on x86 alone. */
    static final int EPOLL_EVENT_SIZE_BYTES = pick(12, 16);

    static final int EPOLL_DATA_OFFSET = pick(4, 8);

    private Arch() {}

    private static int pick(int x86, int arm) {
        return X86_64 ? x86 : arm;
    }

    private static boolean isX86() {
        String name = System.getProperty("os.arch", "");
        return switch (name) {
            case "amd64", "x86_64" -> true;
            case "aarch64" -> false;
            default -> throw new UnsupportedOperationException("no system call numbers for processor os.arch=" + name);
        };
    }
}
