package dev.rafter.fetch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Who goes first. */
@Timeout(30)
final class RequestGateTest {
    private final RequestGate gate = new RequestGate(4);
    private final BlockingQueue<String> entered = new LinkedBlockingQueue<>();
    private final List<Thread> threads = new ArrayList<>();

    @AfterEach
    void interruptWhoWaits() throws InterruptedException {
        for (Thread thread : threads) {
            thread.interrupt();
            thread.join();
        }
    }

    private RequestGate.Ticket enterLater(String name, String host, Priority priority) throws InterruptedException {
        RequestGate.Ticket ticket = gate.ticket(host, priority);
        Thread thread = Thread.ofVirtual().start(() -> {
            try {
                ticket.enter();
                entered.add(name);
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
            }
        });
        threads.add(thread);
        while (thread.getState() != Thread.State.WAITING && thread.getState() != Thread.State.TERMINATED) {
            Thread.sleep(1);
        }
        return ticket;
    }

    private @Nullable String next() throws InterruptedException {
        return entered.poll(10, TimeUnit.SECONDS);
    }

    /** Who came in though nobody should have: a short wait, since it fails nothing that is right. */
    private @Nullable String nobody() throws InterruptedException {
        return entered.poll(100, TimeUnit.MILLISECONDS);
    }

    private List<RequestGate.Ticket> take(int n, String host) throws InterruptedException {
        List<RequestGate.Ticket> tickets = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            RequestGate.Ticket ticket = gate.ticket(host, Priority.DEMAND);
            ticket.enter();
            tickets.add(ticket);
        }
        return tickets;
    }

    @Test
    void oneHostGetsSoManyPlacesAndOthersHaveTheirOwn() throws InterruptedException {
        take(4, "a");
        enterLater("a", "a", Priority.DEMAND);
        assertEquals(null, nobody());
        enterLater("b", "b", Priority.DEMAND);
        assertEquals("b", next());
    }

    @Test
    void hostsThatDoNotAnswerHoldUpNobodyElse() throws InterruptedException {
        take(4, "a");
        take(4, "b");
        take(4, "c");
        enterLater("d", "d", Priority.DEMAND);
        assertEquals("d", next());
    }

    @Test
    void onePlaceIsEnough() throws InterruptedException {
        RequestGate single = new RequestGate(1);
        try (RequestGate.Ticket prefetch = single.ticket("a", Priority.PREFETCH)) {
            prefetch.enter();
        }
        try (RequestGate.Ticket demand = single.ticket("a", Priority.DEMAND)) {
            demand.enter();
        }
    }

    @Test
    void demandOvertakesAndEqualsWaitTheirTurn() throws InterruptedException {
        List<RequestGate.Ticket> taken = take(4, "a");
        List<RequestGate.Ticket> waiting = List.of(
                enterLater("fill", "a", Priority.FILL),
                enterLater("prefetch", "a", Priority.PREFETCH),
                enterLater("demand 1", "a", Priority.DEMAND),
                enterLater("demand 2", "a", Priority.DEMAND));
        assertEquals(null, nobody());
        List<String> order = new ArrayList<>();
        taken.forEach(ticket -> {
            ticket.close();
            try {
                order.add(String.valueOf(next()));
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        assertEquals(List.of("demand 1", "demand 2", "prefetch", "fill"), order);
        waiting.forEach(RequestGate.Ticket::close);
    }

    @Test
    void whatSomebodyWaitsForIsDemand() throws InterruptedException {
        List<RequestGate.Ticket> taken = take(4, "a");
        RequestGate.Ticket fill = enterLater("fill", "a", Priority.FILL);
        enterLater("demand", "a", Priority.DEMAND);
        fill.raise();
        taken.getFirst().close();
        assertEquals("fill", next());
    }

    @Test
    void aBusyHostDoesNotKeepOthersFromPrefetching() throws InterruptedException {
        take(4, "a");
        enterLater("demand", "a", Priority.DEMAND);
        enterLater("prefetch", "b", Priority.PREFETCH);
        assertEquals("prefetch", next());
    }

    @Test
    void whatNobodyWaitsForTakesHalfOfAHosts() throws InterruptedException {
        RequestGate.Ticket first = enterLater("1", "a", Priority.PREFETCH);
        enterLater("2", "b", Priority.FILL);
        assertEquals("1", next());
        assertEquals("2", next());
        enterLater("3", "c", Priority.PREFETCH);
        assertEquals(null, nobody());
        enterLater("demand", "c", Priority.DEMAND);
        assertEquals("demand", next());
        first.raise();
        assertEquals("3", next());
    }

    @Test
    void aFillPausesForDemandButNotForever() throws InterruptedException {
        RequestGate.Ticket fill = gate.ticket("a", Priority.FILL);
        fill.enter();
        long start = System.nanoTime();
        fill.pauseForDemand(TimeUnit.SECONDS.toNanos(10));
        assertTrue(System.nanoTime() - start < 10_000_000_000L, "there is no demand");

        RequestGate.Ticket demand = take(1, "a").getFirst();
        start = System.nanoTime();
        fill.pauseForDemand(TimeUnit.MILLISECONDS.toNanos(50));
        assertTrue(System.nanoTime() - start >= 50_000_000L);

        Thread pausing = Thread.ofVirtual().start(() -> {
            try {
                fill.pauseForDemand(TimeUnit.SECONDS.toNanos(20));
                entered.add("goes on");
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
            }
        });
        threads.add(pausing);
        assertEquals(null, nobody());
        demand.close();
        assertEquals("goes on", next());
    }
}
