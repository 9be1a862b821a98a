package dev.rafter.build;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Does several things at the same time, on threads that live as long as they do. */
public final class InParallel {
    private InParallel() {}

    /**
     * Does all, the first ones first.
     *
     * @return what each gave, in their order
     * @throws IOException the first failure in their order; what runs then is interrupted and waited for
     */
    public static <T> List<T> all(List<Callable<T>> tasks, int threadCount, String threadNames) throws IOException {
        List<T> results = new ArrayList<>();
        try (ExecutorService threads = Executors.newFixedThreadPool(
                threadCount, Thread.ofPlatform().name(threadNames, 0).daemon().factory())) {
            List<Future<T>> running = tasks.stream().map(threads::submit).toList();
            try {
                for (Future<T> one : running) {
                    results.add(result(one));
                }
            } catch (IOException | RuntimeException e) {
                threads.shutdownNow();
                throw e;
            }
        }
        return results;
    }

    /** What a task gave, when it is done; or what it failed with. */
    static <T> T result(Future<T> task) throws IOException {
        try {
            return task.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw (IOException) new InterruptedIOException("interrupted").initCause(e);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof IOException failed ? failed : new IOException(e.getCause());
        }
    }
}
