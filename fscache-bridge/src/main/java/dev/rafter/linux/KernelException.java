package dev.rafter.linux;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** A system call failed: which one, on what, with which errno, and what can be done about it if that is known. */
public final class KernelException extends IOException {
    private static final long serialVersionUID = 1L;

    private final String call;
    private final int errno;

    /**
     * @param call the call as a person would write it, {@code umount2(MNT_DETACH)}
     * @param object the path or the descriptor it was made on; empty if there is none
     * @param hint what to do about it; null: what is generally done about this errno
     */
    public KernelException(String call, int errno, String object, @Nullable String hint) {
        super(message(call, errno, object, hint));
        this.call = call;
        this.errno = errno;
    }

    public String call() {
        return call;
    }

    /** One of {@link Errno}. */
    public int errno() {
        return errno;
    }

    /** The result, if it is not a negative errno. */
    static long check(long result, String call, Object object) throws KernelException {
        if (result < 0) {
            throw new KernelException(call, (int) -result, object.toString(), null);
        }
        return result;
    }

    private static String message(String call, int errno, String object, @Nullable String hint) {
        String where = object.isEmpty() ? "" : " on " + object;
        String advice = hint == null ? Errno.advice(errno) : hint;
        return call + where + ": " + Errno.describe(errno) + (advice == null ? "" : ": " + advice);
    }
}
