package dev.rafter.cli;

import java.io.Console;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;

/** Says how far a long command is: a line that is written over on a terminal, a line now and then elsewhere. Thread safe. */
final class Progress implements LongConsumer {
    private static final long TERMINAL_NANOS = 200_000_000L;
    private static final long PLAIN_NANOS = 5_000_000_000L;

    private final PrintWriter out;
    private final boolean terminal;
    private final long start = System.nanoTime();
    private final AtomicLong bytes = new AtomicLong();
    private final AtomicLong nextNanos;

    Progress(PrintWriter out, boolean terminal) {
        this.out = out;
        this.terminal = terminal;
        nextNanos = new AtomicLong(start + interval());
    }

    /** Whether somebody watches: without a terminal there is no console. */
    static boolean isTerminal() {
        Console console = System.console();
        return Objects.nonNull(console) && console.isTerminal();
    }

    private long interval() {
        return terminal ? TERMINAL_NANOS : PLAIN_NANOS;
    }

    @Override
    public void accept(long more) {
        long now = System.nanoTime();
        long next = nextNanos.get();
        long all = bytes.addAndGet(more);
        if (now >= next && nextNanos.compareAndSet(next, now + interval())) {
            say(all, now);
        }
    }

    private void say(long all, long now) {
        double seconds = Math.max(1e-3, (now - start) / 1e9);
        String line = String.format(Locale.ROOT, "%.0f MB of files, %.0f MB/s", all / 1e6, all / 1e6 / seconds);
        if (terminal) {
            out.print("\r" + line + "   ");
            out.flush();
        } else {
            out.println(line);
        }
    }

    void end() {
        say(bytes.get(), System.nanoTime());
        if (terminal) {
            out.println();
        }
    }
}
