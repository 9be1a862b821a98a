package dev.rafter.linux;

import static dev.rafter.linux.KernelException.check;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Datagram sockets of the Unix family, with descriptors and the sender's credentials beside the text (unix(7), cmsg(3)). Addresses are
 * written as in {@code $NOTIFY_SOCKET}: a path, or {@code @name} for one in the abstract namespace.
 *
 * <pre>
 *   struct msghdr    0 name, 8 name length, 16 iov, 24 iov count, 32 control, 40 control length, 48 flags
 *   struct cmsghdr   0 length, 8 level, 12 type, 16 data; the next one at the next multiple of 8
 * </pre>
 */
public final class UnixDatagrams {
    private static final int AF_UNIX = 1;
    private static final int SOCK_DGRAM_CLOEXEC = 2 | 0x80000;
    private static final int SOL_SOCKET = 1;
    private static final int SO_PASSCRED = 16;
    private static final int SO_SNDTIMEO = 21;
    private static final int SCM_RIGHTS = 1;
    private static final int SCM_CREDENTIALS = 2;
    private static final int MSG_CMSG_CLOEXEC = 0x4000_0000;
    private static final int MSG_NOSIGNAL = 0x4000;
    private static final int PATH_SIZE_BYTES = 108;
    private static final int MSGHDR_SIZE_BYTES = 56;
    private static final int CMSGHDR_SIZE_BYTES = 16;
    private static final int TEXT_SIZE_BYTES = 8192;
    private static final int CONTROL_SIZE_BYTES = 2048;
    private static final int SEND_TIMEOUT_SECONDS = 5;

    private UnixDatagrams() {}

    /**
     * A datagram.
     *
     * @param fds owned by whoever received it
     * @param pid of the sender, as the kernel says
     * @param uid of the sender
     */
    public record Message(String text, List<Fd> fds, int pid, int uid) {}

    /** The two ends of a pipe. */
    public record Pipe(Fd read, Fd write) implements AutoCloseable {
        @Override
        public void close() {
            read.close();
            write.close();
        }
    }

    /** A socket that receives at an address, with the credentials of senders. */
    public static Fd bind(String address) throws KernelException {
        Fd socket = socket();
        try (Arena arena = Arena.ofConfined()) {
            option(socket, SO_PASSCRED, arena.allocateFrom(ValueLayout.JAVA_INT, 1));
            MemorySegment name = address(arena, address);
            check(Syscall.call(Arch.BIND, socket.number(), name.address(), name.byteSize()), "bind", address);
            return socket;
        } catch (KernelException e) {
            socket.close();
            throw e;
        }
    }

    /** A socket that sends to an address, and waits at most a few seconds for room. */
    public static Fd connect(String address) throws KernelException {
        Fd socket = socket();
        try (Arena arena = Arena.ofConfined()) {
            option(socket, SO_SNDTIMEO, arena.allocateFrom(ValueLayout.JAVA_LONG, SEND_TIMEOUT_SECONDS, 0));
            MemorySegment name = address(arena, address);
            check(Syscall.call(Arch.CONNECT, socket.number(), name.address(), name.byteSize()), "connect", address);
            return socket;
        } catch (KernelException e) {
            socket.close();
            throw e;
        }
    }

    private static Fd socket() throws KernelException {
        return Fd.owned(check(Syscall.call(Arch.SOCKET, AF_UNIX, SOCK_DGRAM_CLOEXEC, 0), "socket(AF_UNIX)", ""));
    }

    private static void option(Fd socket, int option, MemorySegment value) throws KernelException {
        check(
                Syscall.call(Arch.SETSOCKOPT, socket.number(), SOL_SOCKET, option, value.address(), value.byteSize()),
                "setsockopt",
                socket);
    }

    private static MemorySegment address(Arena arena, String address) {
        byte[] path = address.getBytes(StandardCharsets.UTF_8);
        boolean isAbstract = path[0] == '@';
        if (path.length >= PATH_SIZE_BYTES) {
            throw new IllegalArgumentException("address of " + path.length + " bytes: " + address);
        }
        MemorySegment name = arena.allocate(Short.BYTES + path.length + (isAbstract ? 0 : 1), Short.BYTES);
        name.set(ValueLayout.JAVA_SHORT, 0, (short) AF_UNIX);
        MemorySegment.copy(path, 0, name, ValueLayout.JAVA_BYTE, Short.BYTES, path.length);
        if (isAbstract) {
            name.set(ValueLayout.JAVA_BYTE, Short.BYTES, (byte) 0);
        }
        return name;
    }

    /** Sends one datagram with duplicates of descriptors. */
    public static void send(Fd socket, String text, List<Fd> fds) throws KernelException {
        try (Arena arena = Arena.ofConfined()) {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            MemorySegment control = fds.isEmpty() ? MemorySegment.NULL : rights(arena, fds);
            MemorySegment message = message(arena, arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes), control);
            check(Syscall.call(Arch.SENDMSG, socket.number(), message.address(), MSG_NOSIGNAL), "sendmsg", socket);
        }
    }

    private static MemorySegment rights(Arena arena, List<Fd> fds) {
        MemorySegment control = arena.allocate(aligned(CMSGHDR_SIZE_BYTES + Integer.BYTES * fds.size()), 8);
        control.set(ValueLayout.JAVA_LONG, 0, CMSGHDR_SIZE_BYTES + Integer.BYTES * fds.size());
        control.set(ValueLayout.JAVA_INT, 8, SOL_SOCKET);
        control.set(ValueLayout.JAVA_INT, 12, SCM_RIGHTS);
        for (int i = 0; i < fds.size(); i++) {
            control.setAtIndex(ValueLayout.JAVA_INT, 4 + i, fds.get(i).number());
        }
        return control;
    }

    private static long aligned(long sizeBytes) {
        return (sizeBytes + 7) & ~7;
    }

    private static MemorySegment message(Arena arena, MemorySegment text, MemorySegment control) {
        MemorySegment iov = arena.allocateFrom(ValueLayout.JAVA_LONG, text.address(), text.byteSize());
        MemorySegment message = arena.allocate(MSGHDR_SIZE_BYTES, 8);
        message.set(ValueLayout.JAVA_LONG, 16, iov.address());
        message.set(ValueLayout.JAVA_LONG, 24, 1);
        message.set(ValueLayout.JAVA_LONG, 32, control.address());
        message.set(ValueLayout.JAVA_LONG, 40, control.byteSize());
        return message;
    }

    /** Waits for one datagram. */
    public static Message receive(Fd socket) throws KernelException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment text = arena.allocate(TEXT_SIZE_BYTES);
            MemorySegment control = arena.allocate(CONTROL_SIZE_BYTES, 8);
            MemorySegment message = message(arena, text, control);
            long count = check(
                    Syscall.call(Arch.RECVMSG, socket.number(), message.address(), MSG_CMSG_CLOEXEC),
                    "recvmsg",
                    socket);
            byte[] bytes = text.asSlice(0, count).toArray(ValueLayout.JAVA_BYTE);
            long controlSize = message.get(ValueLayout.JAVA_LONG, 40);
            return message(new String(bytes, StandardCharsets.UTF_8), control.asSlice(0, controlSize));
        }
    }

    private static Message message(String text, MemorySegment control) {
        List<Fd> fds = new ArrayList<>();
        int pid = -1;
        int uid = -1;
        for (long at = 0; at + CMSGHDR_SIZE_BYTES <= control.byteSize(); ) {
            long sizeBytes = control.get(ValueLayout.JAVA_LONG, at);
            int type = control.get(ValueLayout.JAVA_INT, at + 12);
            long data = at + CMSGHDR_SIZE_BYTES;
            if (type == SCM_RIGHTS) {
                for (long i = data; i + Integer.BYTES <= at + sizeBytes; i += Integer.BYTES) {
                    fds.add(Fd.owned(control.get(ValueLayout.JAVA_INT, i)));
                }
            } else if (type == SCM_CREDENTIALS) {
                pid = control.get(ValueLayout.JAVA_INT, data);
                uid = control.get(ValueLayout.JAVA_INT, data + 4);
            }
            at += aligned(Math.max(sizeBytes, CMSGHDR_SIZE_BYTES));
        }
        return new Message(text, fds, pid, uid);
    }

    /** pipe2(2), close-on-exec. */
    public static Pipe pipe() throws KernelException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment ends = arena.allocate(2 * Integer.BYTES, Integer.BYTES);
            check(Syscall.call(Arch.PIPE2, ends.address(), Fd.O_CLOEXEC), "pipe2", "");
            return new Pipe(
                    Fd.owned(ends.getAtIndex(ValueLayout.JAVA_INT, 0)),
                    Fd.owned(ends.getAtIndex(ValueLayout.JAVA_INT, 1)));
        }
    }
}
