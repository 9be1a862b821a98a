package dev.rafter.linux;

import static dev.rafter.linux.KernelException.check;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A child process that inherits descriptors of ours, which {@link ProcessBuilder} has no way to pass on: posix_spawn(3). Whoever made it
 * waits for it.
 */
public final class ChildProcess implements AutoCloseable {
    public static final int SIGTERM = 15;
    public static final int SIGKILL = 9;

    /** Where the passed descriptors begin (sd_listen_fds(3)). */
    public static final int FIRST_PASSED = 3;

    private static final int CLOSE_RANGE_CLOEXEC = 4;
    /** Larger than posix_spawn_file_actions_t of any libc. */
    private static final int ACTIONS_SIZE_BYTES = 512;

    private static final MethodHandle SPAWN =
            bind("posix_spawn", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS));
    private static final MethodHandle INIT =
            bind("posix_spawn_file_actions_init", FunctionDescriptor.of(JAVA_INT, ADDRESS));
    private static final MethodHandle DUP2 =
            bind("posix_spawn_file_actions_adddup2", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT));
    private static final MethodHandle DESTROY =
            bind("posix_spawn_file_actions_destroy", FunctionDescriptor.of(JAVA_INT, ADDRESS));

    private final int pid;
    private final Fd pidfd;

    private ChildProcess(int pid, Fd pidfd) {
        this.pid = pid;
        this.pidfd = pidfd;
    }

    /**
     * Starts a program.
     *
     * @param command the program's path and its arguments
     * @param passed become the child's descriptors 3, 4, ...; of all others it gets only 0, 1 and 2
     */
    public static ChildProcess start(List<String> command, Map<String, String> environment, List<Fd> passed)
            throws KernelException {
        try (Arena arena = Arena.ofConfined();
                OutOfTheWay sources = new OutOfTheWay(passed)) {
            check(Syscall.call(Arch.CLOSE_RANGE, FIRST_PASSED, 0xFFFF_FFFFL, CLOSE_RANGE_CLOEXEC), "close_range", "");
            MemorySegment actions = arena.allocate(ACTIONS_SIZE_BYTES, 16);
            done((int) INIT.invokeExact(actions), "posix_spawn_file_actions_init");
            for (int i = 0; i < passed.size(); i++) {
                done((int) DUP2.invokeExact(actions, sources.number(i), FIRST_PASSED + i), "posix_spawn(dup2)");
            }
            MemorySegment pid = arena.allocate(JAVA_INT);
            int result = (int) SPAWN.invokeExact(
                    pid,
                    arena.allocateFrom(command.getFirst()),
                    actions,
                    MemorySegment.NULL,
                    strings(arena, command),
                    strings(
                            arena,
                            environment.entrySet().stream()
                                    .map(entry -> entry.getKey() + "=" + entry.getValue())
                                    .toList()));
            done((int) DESTROY.invokeExact(actions), "posix_spawn_file_actions_destroy");
            done(result, "posix_spawn of " + command.getFirst());
            return started(pid.get(JAVA_INT, 0));
        } catch (KernelException e) {
            throw e;
        } catch (Throwable e) {
            throw Syscall.unexpected(e);
        }
    }

    private static ChildProcess started(int pid) throws KernelException {
        return new ChildProcess(pid, Fd.owned(check(Syscall.call(Arch.PIDFD_OPEN, pid, 0), "pidfd_open", pid)));
    }

    /** Copies of the descriptors whose numbers are beyond the numbers that they will have in the child. */
    private static final class OutOfTheWay implements AutoCloseable {
        private final List<Fd> copies = new ArrayList<>();

        OutOfTheWay(List<Fd> passed) throws KernelException {
            for (Fd fd : passed) {
                copies.add(fd.duplicateFrom(FIRST_PASSED + passed.size()));
            }
        }

        int number(int index) {
            return copies.get(index).number();
        }

        @Override
        public void close() {
            copies.forEach(Fd::close);
        }
    }

    private static void done(int errno, String call) throws KernelException {
        check(-errno, call, "");
    }

    private static MemorySegment strings(Arena arena, List<String> strings) {
        MemorySegment pointers = arena.allocate(ADDRESS, strings.size() + 1L);
        for (int i = 0; i < strings.size(); i++) {
            pointers.setAtIndex(ADDRESS, i, arena.allocateFrom(strings.get(i)));
        }
        return pointers;
    }

    public int pid() {
        return pid;
    }

    /** Can be read, for {@link EventPoll}, when the process has ended. */
    public Fd pidfd() {
        return pidfd;
    }

    /** Sends a signal; one that has ended does not mind. */
    public void signal(int signal) {
        Syscall.call(Arch.PIDFD_SEND_SIGNAL, pidfd.number(), signal, 0, 0);
    }

    /**
     * Waits for its end.
     *
     * @return the exit code, or 128 and the number of the signal that ended it, as a shell says it
     */
    public int await() throws KernelException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment status = arena.allocate(JAVA_INT);
            long result;
            do {
                result = Syscall.call(Arch.WAIT4, pid, status.address(), 0, 0);
            } while (result == -Errno.EINTR);
            check(result, "wait4", pid);
            int code = status.get(JAVA_INT, 0);
            int signal = code & 0x7f;
            return signal == 0 ? code >> 8 & 0xff : 128 + signal;
        }
    }

    @Override
    public void close() {
        pidfd.close();
    }

    private static MethodHandle bind(String function, FunctionDescriptor descriptor) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().findOrThrow(function), descriptor);
    }
}
