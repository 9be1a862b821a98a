package dev.rafter.mount;

import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * Who may mount, and when. Everybody who makes a mount passes it, and has passed only when the mount is made and known. It is open; or an
 * attempt to stop is under way, or will be made until one succeeds, and whoever comes is refused; or it is closed for ever, which happens
 * only while nobody passes, so that no mount is ever made behind the back of a daemon that ends.
 */
final class MountGate {
    /** How long an attempt to stop waits for mounts that are being made. */
    private static final long PATIENCE_SECONDS = 10;

    /** Shared by those who pass; exclusive for whoever must know that nobody does. */
    private final ReentrantReadWriteLock passing = new ReentrantReadWriteLock();

    private final AtomicInteger attempts = new AtomicInteger();
    private volatile boolean ending;
    private volatile boolean closed;

    /** The time in which a mount is made. */
    interface Passage extends AutoCloseable {
        @Override
        void close();
    }

    /** What is done while nobody mounts. */
    @FunctionalInterface
    interface Action {
        void run() throws IOException;
    }

    /** Begins to make a mount; waits for whoever does something {@link #ifNobodyPasses alone}. */
    Passage enter() throws StoppingException {
        requireOpen();
        passing.readLock().lock();
        try {
            requireOpen();
        } catch (StoppingException e) {
            passing.readLock().unlock();
            throw e;
        }
        return passing.readLock()::unlock;
    }

    private void requireOpen() throws StoppingException {
        if (closed || ending || attempts.get() > 0) {
            throw new StoppingException();
        }
    }

    /** Does something short while nobody mounts; false, and it is not done, if somebody does. */
    boolean ifNobodyPasses(Action action) throws IOException {
        if (!passing.writeLock().tryLock()) {
            return false;
        }
        try {
            action.run();
            return true;
        } finally {
            passing.writeLock().unlock();
        }
    }

    /** From now on everybody is refused: attempts to stop are made until one succeeds. */
    void refuse() {
        ending = true;
    }

    /**
     * Attempts to stop: waits for mounts that are being made, lets none begin, and is closed for ever if the action succeeds.
     *
     * @throws FailureException if mounts are still being made after a while
     */
    void close(Action action) throws IOException {
        attempts.incrementAndGet();
        try {
            if (!waitForAll()) {
                throw new FailureException(
                        FailureKind.FAILURE,
                        "something is still being mounted after " + PATIENCE_SECONDS
                                + " seconds: stop again when that is done, or has failed");
            }
            try {
                action.run();
                closed = true;
            } finally {
                passing.writeLock().unlock();
            }
        } finally {
            attempts.decrementAndGet();
        }
    }

    private boolean waitForAll() throws IOException {
        try {
            return passing.writeLock().tryLock(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }
}
