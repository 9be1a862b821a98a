package dev.rafter.fetch;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Off-heap buffers for frames, for the whole node, together bounded, idle ones included. Who waits gets one in the order of asking, demands
 * first; nobody who asks for less overtakes, but those who wait for their own host only, and let the others pass.
 *
 * <p>One host that is slow must not have all there is while it lets us wait: a host may have a part, all hosts together a larger part, and
 * the rest is for the first demand of a host that has nothing. Thread safe.
 */
final class FrameBuffers implements AutoCloseable {
    private final long maxBytes;
    private final Parts parts;
    private final ReentrantLock lock = new ReentrantLock();
    private final Slabs slabs = new Slabs();
    private final List<Waiter> waiting = new ArrayList<>();
    private final Map<String, Long> leasedByHost = new HashMap<>();
    private long leasedBytes;
    private long leasedNotForDemandBytes;
    private boolean closed;

    /** Who asks. */
    interface Claimant {
        String host();

        /** Whether somebody waits for it; may become true at any time. */
        boolean isDemand();
    }

    /**
     * Who may have how much; what is larger is let through when there is nothing else of its kind.
     *
     * @param perHostBytes one host
     * @param commonBytes all, but for the first demand of a host
     * @param notForDemandBytes all that nobody waits for
     */
    record Parts(long perHostBytes, long commonBytes, long notForDemandBytes) {}

    FrameBuffers(long maxBytes, Parts parts) {
        this.maxBytes = maxBytes;
        this.parts = parts;
    }

    /** For what waits for the network: half for one host, a quarter for what nobody waits for, the last quarter for hosts without anything. */
    static FrameBuffers forReceiving(long maxBytes) {
        return new FrameBuffers(maxBytes, new Parts(maxBytes / 2, maxBytes * 3 / 4, maxBytes / 4));
    }

    /** For what waits for nobody: it is given back soon, whoever has it. */
    static FrameBuffers forDecoding(long maxBytes) {
        return new FrameBuffers(maxBytes, new Parts(maxBytes, maxBytes, maxBytes));
    }

    private final class Waiter {
        private final Claimant claimant;
        private final int sizeBytes;
        private final Condition turn = lock.newCondition();
        private boolean demand;
        private Slabs.@Nullable Slab slab;
        private @Nullable OutOfMemoryError failure;

        Waiter(Claimant claimant, int sizeBytes) {
            this.claimant = claimant;
            this.sizeBytes = sizeBytes;
        }
    }

    /** A buffer of one frame; to be closed once. */
    final class Lease implements AutoCloseable {
        private final Waiter of;
        private final Slabs.Slab slab;

        private Lease(Waiter of, Slabs.Slab slab) {
            this.of = of;
            this.slab = slab;
        }

        /** An empty buffer of exactly this size, at most what was leased; always over the same memory. */
        ByteBuffer bytes(int sizeBytes) {
            if (sizeBytes > of.sizeBytes) {
                throw new IllegalArgumentException("sizeBytes=" + sizeBytes + " leased=" + of.sizeBytes);
            }
            return slab.bytes.slice(0, sizeBytes);
        }

        @Override
        public void close() {
            giveBack(of, slab);
        }
    }

    /**
     * Leases a buffer; waits for others to give theirs back. One that is larger than the bound is let through when it is alone.
     *
     * @throws OutOfMemoryError if the machine has less memory than these buffers may take
     */
    Lease lease(Claimant claimant, int sizeBytes) throws InterruptedException {
        long _ = Slabs.roundedUp(sizeBytes);
        Waiter waiter = new Waiter(claimant, sizeBytes);
        lock.lockInterruptibly();
        try {
            waiting.add(waiter);
            admitWhoMay();
            while (true) {
                Slabs.Slab slab = waiter.slab;
                if (slab != null) {
                    return new Lease(waiter, slab);
                }
                if (waiter.failure != null) {
                    throw waiter.failure;
                }
                waiter.turn.await();
            }
        } catch (InterruptedException e) {
            withdraw(waiter);
            throw e;
        } finally {
            lock.unlock();
        }
    }

    private void withdraw(Waiter waiter) {
        Slabs.Slab slab = waiter.slab;
        if (slab != null) {
            giveBack(waiter, slab);
        } else {
            waiting.remove(waiter);
            admitWhoMay();
        }
    }

    /** Somebody waits now for what nobody waited for before. */
    void reconsider() {
        lock.lock();
        try {
            admitWhoMay();
        } finally {
            lock.unlock();
        }
    }

    private void admitWhoMay() {
        boolean commonIsShort = false;
        for (int round = 0; round < 2; round++) {
            Set<String> passed = new HashSet<>();
            for (Iterator<Waiter> all = waiting.iterator(); all.hasNext(); ) {
                Waiter waiter = all.next();
                waiter.demand = waiter.claimant.isDemand();
                if (waiter.demand != (round == 0) || passed.contains(waiter.claimant.host())) {
                    continue;
                }
                boolean first = waiter.demand && ofHost(waiter) == 0;
                if (!hasShare(waiter) || (!first && commonIsShort)) {
                    passed.add(waiter.claimant.host());
                } else if (!first && !fits(leasedBytes, waiter, parts.commonBytes)) {
                    commonIsShort = true;
                    passed.add(waiter.claimant.host());
                } else if (!fits(leasedBytes, waiter, maxBytes)) {
                    return;
                } else {
                    all.remove();
                    admit(waiter);
                }
            }
        }
    }

    private boolean hasShare(Waiter waiter) {
        return fits(ofHost(waiter), waiter, parts.perHostBytes)
                && (waiter.demand || fits(leasedNotForDemandBytes, waiter, parts.notForDemandBytes));
    }

    private long ofHost(Waiter waiter) {
        return leasedByHost.getOrDefault(waiter.claimant.host(), 0L);
    }

    private static boolean fits(long used, Waiter waiter, long bound) {
        return used == 0 || used + Slabs.roundedUp(waiter.sizeBytes) <= bound;
    }

    /** Whoever admits it, often another one that gives back: it is the waiter that fails where there is no memory. */
    private void admit(Waiter waiter) {
        long bytes = Slabs.roundedUp(waiter.sizeBytes);
        try {
            waiter.slab = slabs.take(waiter.sizeBytes, maxBytes - leasedBytes - bytes);
            count(waiter, bytes);
        } catch (OutOfMemoryError e) {
            waiter.failure = e;
        }
        waiter.turn.signal();
    }

    private void count(Waiter waiter, long bytes) {
        leasedBytes += bytes;
        leasedNotForDemandBytes += waiter.demand ? 0 : bytes;
        leasedByHost.merge(waiter.claimant.host(), bytes, (a, b) -> a + b == 0 ? null : a + b);
    }

    private void giveBack(Waiter waiter, Slabs.Slab slab) {
        lock.lock();
        try {
            count(waiter, -Slabs.roundedUp(waiter.sizeBytes));
            slabs.giveBack(slab);
            slabs.trim(closed ? 0 : maxBytes - leasedBytes);
            admitWhoMay();
        } finally {
            lock.unlock();
        }
    }

    /** Bytes that are allocated now, leased or idle. */
    long allocatedBytes() {
        lock.lock();
        try {
            return leasedBytes + slabs.idleBytes();
        } finally {
            lock.unlock();
        }
    }

    /** Frees what is idle now and what is given back later. */
    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            slabs.trim(0);
        } finally {
            lock.unlock();
        }
    }
}
