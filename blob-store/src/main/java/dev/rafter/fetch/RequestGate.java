package dev.rafter.fetch;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Lets a bounded number of requests run at once at each host, and some hosts' worth in all: so that a host, or two, that do not answer hold
 * up nobody else. Demand overtakes what nobody waits for: the latter may use a part of the places only and gets none that a demand waits
 * for; and what fills a blob pauses while demand is running. Requests of one priority go in the order in which they came. Thread safe; the
 * lock is held for no I/O.
 */
final class RequestGate {
    /** How many hosts may have all their places taken at once. */
    private static final int HOSTS = 4;

    private final int places;
    private final int placesPerHost;
    private final int placesNotForDemand;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition calmer = lock.newCondition();
    private final List<Ticket> waiting = new ArrayList<>();
    private final Map<String, Integer> takenPerHost = new HashMap<>();
    private int taken;
    private int takenByDemand;

    /**
     * A gate with everything free.
     *
     * @param placesPerHost how many requests may run at one host; those that nobody waits for are half as many, at all hosts
     */
    RequestGate(int placesPerHost) {
        this.places = HOSTS * placesPerHost;
        this.placesPerHost = placesPerHost;
        this.placesNotForDemand = Math.max(1, placesPerHost / 2);
    }

    /** The right to run one request at a host, not yet used. */
    Ticket ticket(String host, Priority priority) {
        return new Ticket(host, priority);
    }

    /** Demands first: one that waits after that waits for its host, and what is left is of no use to it. */
    private void admitWhoMay() {
        for (Priority priority : Priority.values()) {
            for (int i = 0; i < waiting.size(); i++) {
                Ticket ticket = waiting.get(i);
                if (ticket.priority == priority && hasPlaceFor(ticket)) {
                    waiting.remove(i--);
                    ticket.admit();
                }
            }
        }
        if (!isDemandUnderWay()) {
            calmer.signalAll();
        }
    }

    private boolean hasPlaceFor(Ticket ticket) {
        return taken < places
                && takenPerHost.getOrDefault(ticket.host, 0) < placesPerHost
                && (ticket.priority == Priority.DEMAND || taken - takenByDemand < placesNotForDemand);
    }

    private boolean isDemandWaiting() {
        for (Ticket ticket : waiting) {
            if (ticket.priority == Priority.DEMAND) {
                return true;
            }
        }
        return false;
    }

    private boolean isDemandUnderWay() {
        return takenByDemand > 0 || isDemandWaiting();
    }

    /** One request's way through the gate: {@link #enter}, and {@link #close} at its end. */
    final class Ticket implements FrameBuffers.Claimant, AutoCloseable {
        private final String host;
        private final Condition turn = lock.newCondition();
        /** Changed under the lock. */
        private volatile Priority priority;

        private boolean admitted;

        private Ticket(String host, Priority priority) {
            this.host = host;
            this.priority = priority;
        }

        /** Waits for a place. */
        void enter() throws InterruptedException {
            lock.lockInterruptibly();
            try {
                waiting.add(this);
                admitWhoMay();
                while (!admitted) {
                    turn.await();
                }
            } finally {
                if (waiting.remove(this)) {
                    admitWhoMay();
                }
                lock.unlock();
            }
        }

        private void admit() {
            admitted = true;
            taken++;
            takenByDemand += priority == Priority.DEMAND ? 1 : 0;
            takenPerHost.merge(host, 1, Integer::sum);
            turn.signal();
        }

        @Override
        public String host() {
            return host;
        }

        @Override
        public boolean isDemand() {
            return priority == Priority.DEMAND;
        }

        /** Somebody waits for this request now; whether that is new. */
        boolean raise() {
            lock.lock();
            try {
                if (priority == Priority.DEMAND) {
                    return false;
                }
                priority = Priority.DEMAND;
                takenByDemand += admitted ? 1 : 0;
                calmer.signalAll();
                admitWhoMay();
                return true;
            } finally {
                lock.unlock();
            }
        }

        /** A request that fills a blob waits here until no demand is under way, but for no longer than this. */
        void pauseForDemand(long maxNanos) throws InterruptedException {
            lock.lockInterruptibly();
            try {
                long left = maxNanos;
                while (priority == Priority.FILL && isDemandUnderWay() && left > 0) {
                    left = calmer.awaitNanos(left);
                }
            } finally {
                lock.unlock();
            }
        }

        /** Gives the place back, if it has one. */
        @Override
        public void close() {
            lock.lock();
            try {
                if (admitted) {
                    admitted = false;
                    taken--;
                    takenByDemand -= priority == Priority.DEMAND ? 1 : 0;
                    takenPerHost.computeIfPresent(host, (_, n) -> n == 1 ? null : n - 1);
                    admitWhoMay();
                }
            } finally {
                lock.unlock();
            }
        }
    }
}
