package dev.rafter.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;

/**
 * The way into the kernel: libc's {@code syscall(number, ...)}, bound twice. Every method returns what the kernel returns: a result
 * that is not negative, or a negative errno. Thread safe; a call blocks its platform thread, or the carrier of its virtual thread.
 */
public final class Syscall {
    static final StructLayout CALL_STATE = Linker.Option.captureStateLayout();
    private static final long ERRNO_OFFSET = CALL_STATE.byteOffset(MemoryLayout.PathElement.groupElement("errno"));

    private static final MethodHandle CALL =
            bind(FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));

    /** As CALL, but the second argument is memory that stays alive during the call. */
    private static final MethodHandle CALL_WITH_BUFFER =
            bind(FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_LONG));

    private Syscall() {}

    /** read(2) into the whole buffer's length. */
    public static long read(CallState state, int fd, MemorySegment buffer) {
        return callWithBuffer(state, Arch.READ, fd, buffer, buffer.byteSize(), 0);
    }

    /** write(2) of the whole buffer. */
    public static long write(CallState state, int fd, MemorySegment buffer) {
        return callWithBuffer(state, Arch.WRITE, fd, buffer, buffer.byteSize(), 0);
    }

    /** pread(2) into the whole buffer's length. */
    public static long pread(CallState state, int fd, MemorySegment buffer, long offset) {
        return callWithBuffer(state, Arch.PREAD64, fd, buffer, buffer.byteSize(), offset);
    }

    /** pwrite(2) of the whole buffer. */
    public static long pwrite(CallState state, int fd, MemorySegment buffer, long offset) {
        return callWithBuffer(state, Arch.PWRITE64, fd, buffer, buffer.byteSize(), offset);
    }

    /** close(2). The descriptor is gone whatever the result. */
    public static long close(CallState state, int fd) {
        return call(state, Arch.CLOSE, fd, 0, 0, 0, 0);
    }

    static long callWithBuffer(CallState state, int number, long a, MemorySegment buffer, long c, long d) {
        long result;
        try {
            result = (long) CALL_WITH_BUFFER.invokeExact(state.segment, (long) number, a, buffer, c, d);
        } catch (Throwable e) {
            throw unexpected(e);
        }
        return result >= 0 ? result : -errno(state);
    }

    static long call(CallState state, int number, long a, long b, long c, long d, long e) {
        long result;
        try {
            result = (long) CALL.invokeExact(state.segment, (long) number, a, b, c, d, e);
        } catch (Throwable t) {
            throw unexpected(t);
        }
        return result >= 0 ? result : -errno(state);
    }

    /** A call off the hot path. Memory whose address is among the arguments must be kept alive by the caller. */
    static long call(int number, long... arguments) {
        try (Arena arena = Arena.ofConfined()) {
            return call(new CallState(arena), number, arguments);
        }
    }

    private static long call(CallState state, int number, long[] arguments) {
        return call(
                state,
                number,
                argument(arguments, 0),
                argument(arguments, 1),
                argument(arguments, 2),
                argument(arguments, 3),
                argument(arguments, 4));
    }

    private static long argument(long[] arguments, int index) {
        return index < arguments.length ? arguments[index] : 0;
    }

    private static int errno(CallState state) {
        return state.segment.get(JAVA_INT, ERRNO_OFFSET);
    }

    private static MethodHandle bind(FunctionDescriptor descriptor) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(
                linker.defaultLookup().findOrThrow("syscall"),
                descriptor,
                Linker.Option.firstVariadicArg(1),
                Linker.Option.captureCallState("errno"));
    }

    static AssertionError unexpected(Throwable e) {
        return new AssertionError("a call into the kernel does not throw", e);
    }
}
