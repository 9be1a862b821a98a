package dev.rafter.blob;

import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;

/** A lock for each key, which exists as long as somebody holds it or waits for it. Thread safe. */
public final class KeyedLocks<K> {
    private final Map<K, Counted> locks = new ConcurrentHashMap<>();

    private static final class Counted {
        private final ReentrantLock lock = new ReentrantLock();
        /** Who holds it or waits for it; changed only by the map's computations. */
        private int users;
    }

    /** A lock that is held; to be closed once, by the thread that took it. */
    public final class Held implements AutoCloseable {
        private final K key;

        private Held(K key) {
            this.key = key;
        }

        @Override
        public void close() {
            locks.compute(key, (_, counted) -> {
                if (counted == null) {
                    throw new IllegalMonitorStateException("not held: " + key);
                }
                counted.lock.unlock();
                return --counted.users == 0 ? null : counted;
            });
        }
    }

    /** Waits for a key's lock, which the thread may have already. */
    public Held lock(K key) {
        use(key).lock.lock();
        return new Held(key);
    }

    /** Takes a key's lock unless another thread has it. */
    public Optional<Held> tryLock(K key) {
        Counted counted = use(key);
        if (counted.lock.tryLock()) {
            return Optional.of(new Held(key));
        }
        locks.computeIfPresent(key, (_, there) -> --there.users == 0 ? null : there);
        return Optional.empty();
    }

    private Counted use(K key) {
        return locks.compute(key, (_, there) -> {
            Counted one = there == null ? new Counted() : there;
            one.users++;
            return one;
        });
    }

    /** Keys whose locks are held or waited for. */
    int size() {
        return locks.size();
    }
}
