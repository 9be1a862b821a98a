package dev.rafter.linux;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.function.Supplier;

/**
 * Calls that may take long. A foreign call holds the carrier of a virtual thread, and there is one for each core: while all are held no
 * reader is served. So a virtual thread has them made by a platform thread.
 *
 * @param <T> what they give
 */
@FunctionalInterface
public interface BlockingCall<T> {
    T call() throws KernelException;

    /** Makes a call, and waits for it without holding a carrier. */
    static <T> T run(BlockingCall<T> call) throws KernelException {
        if (!Thread.currentThread().isVirtual()) {
            return call.call();
        }
        Executor platform =
                task -> Thread.ofPlatform().daemon().name("rafter-disk").start(task);
        Supplier<T> unchecked = () -> {
            try {
                return call.call();
            } catch (KernelException e) {
                throw new CompletionException(e);
            }
        };
        try {
            return CompletableFuture.supplyAsync(unchecked, platform).join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof KernelException failed) {
                throw failed;
            }
            throw e;
        }
    }
}
