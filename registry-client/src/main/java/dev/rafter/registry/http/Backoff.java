package dev.rafter.registry.http;

import java.io.InterruptedIOException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * How long to wait between the attempts of one request: decorrelated jitter, each wait between {@code base} and three times the wait
 * before it, so that clients that failed together do not come back together. One object per request; for one thread.
 */
public final class Backoff {
    /**
     * @param attempts in all, the first included
     * @param baseMillis the shortest wait
     * @param capMillis the longest wait
     */
    public record Policy(int attempts, long baseMillis, long capMillis) {
        public Policy {
            if (attempts < 1 || baseMillis < 1 || capMillis < baseMillis) {
                throw new IllegalArgumentException(
                        "attempts=" + attempts + " baseMillis=" + baseMillis + " capMillis=" + capMillis);
            }
        }
    }

    private final Policy policy;
    private final Deadline deadline;
    private int attemptsLeft;
    private long lastMillis;

    public Backoff(Policy policy, Deadline deadline) {
        this.policy = policy;
        this.deadline = deadline;
        this.attemptsLeft = policy.attempts() - 1;
        this.lastMillis = policy.baseMillis();
    }

    /** Something went well: the count of attempts starts again. */
    public void reset() {
        attemptsLeft = policy.attempts() - 1;
        lastMillis = policy.baseMillis();
    }

    /**
     * Waits before the next attempt.
     *
     * @param retryAfter what the server asked for in {@code Retry-After}, or null
     * @return false, at once, if there is to be no other attempt: too many, or the deadline would pass
     */
    public boolean await(@Nullable String retryAfter) throws InterruptedIOException {
        if (attemptsLeft <= 0) {
            return false;
        }
        attemptsLeft--;
        long upper = Math.min(policy.capMillis(), lastMillis * 3);
        lastMillis =
                ThreadLocalRandom.current().nextLong(policy.baseMillis(), Math.max(policy.baseMillis(), upper) + 1);
        long waitMillis = Math.max(lastMillis, askedMillis(retryAfter));
        if (waitMillis >= deadline.remainingMillis()) {
            return false;
        }
        sleep(waitMillis);
        return true;
    }

    /** A server that asks for more than {@code 6 * capMillis} is not waited for that long: it gets its retry, and refuses again. */
    private long askedMillis(@Nullable String retryAfter) {
        if (retryAfter == null) {
            return 0;
        }
        String value = retryAfter.strip();
        long millis;
        if (value.matches("\\d{1,9}")) {
            millis = Long.parseLong(value) * 1000 + ThreadLocalRandom.current().nextLong(policy.baseMillis() + 1);
        } else {
            millis = untilDate(value);
        }
        return Math.clamp(millis, 0, 6 * policy.capMillis());
    }

    private static long untilDate(String value) {
        try {
            Instant date = ZonedDateTime.parse(value, DateTimeFormatter.RFC_1123_DATE_TIME)
                    .toInstant();
            return Duration.between(Instant.now(), date).toMillis();
        } catch (DateTimeParseException e) {
            return 0; // a header that says nothing: our own wait stands
        }
    }

    private static void sleep(long millis) throws InterruptedIOException {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            InterruptedIOException interrupted = new InterruptedIOException("interrupted while waiting to try again");
            interrupted.initCause(e);
            throw interrupted;
        }
    }
}
