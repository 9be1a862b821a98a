package dev.rafter.fetch;

import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Lets a bounded number of requests run at once. Demand overtakes prefetch: prefetch may use half of the places, and waits as long as any
 * demand does. Thread safe; the lock is held for no I/O.
 */
final class RequestGate {
    private final int places;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private int taken;
    private int takenByPrefetch;
    private int demandsWaiting;

    RequestGate(int places) {
        this.places = places;
    }

    void enter(Priority priority) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            if (priority == Priority.DEMAND) {
                enterDemand();
            } else {
                while (taken == places || takenByPrefetch >= places / 2 || demandsWaiting > 0) {
                    changed.await();
                }
                takenByPrefetch++;
            }
            taken++;
        } finally {
            lock.unlock();
        }
    }

    private void enterDemand() throws InterruptedException {
        demandsWaiting++;
        try {
            while (taken == places) {
                changed.await();
            }
        } finally {
            demandsWaiting--;
            changed.signalAll();
        }
    }

    void leave(Priority priority) {
        lock.lock();
        try {
            taken--;
            takenByPrefetch -= priority == Priority.PREFETCH ? 1 : 0;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }
}
