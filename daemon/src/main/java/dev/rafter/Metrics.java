package dev.rafter;

import dev.rafter.fetch.FetchStats;
import dev.rafter.linux.fanotify.EventStats;
import dev.rafter.mount.MountManager;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.function.ToDoubleFunction;

/** What the daemon counts, for Prometheus. */
final class Metrics {
    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);

    Metrics(FetchStats fetches, EventStats events, MountManager mounts) {
        count("rafter.demands", "Reads that had to wait for a fetch.", fetches, FetchStats::demands);
        count("rafter.demands.failed", "Reads that got an error.", fetches, FetchStats::failedDemands);
        count("rafter.demand.wait.seconds", "Time that reads waited.", fetches, stats -> stats.waitNanos() / 1e9);
        count("rafter.fetches", "Requests that a read waited for.", fetches, FetchStats::fetches);
        count(
                "rafter.prefetches",
                "Requests that nobody waited for when they were made.",
                fetches,
                FetchStats::prefetches);
        count("rafter.fetches.failed", "Requests that broke off.", fetches, FetchStats::failedFetches);
        count("rafter.fetched.bytes", "Stored bytes received.", fetches, FetchStats::fetchedBytes);
        count("rafter.decoded.bytes", "Bytes decoded and verified.", fetches, FetchStats::decodedBytes);
        count("rafter.chunks.corrupt", "Chunks that came with wrong bytes.", fetches, FetchStats::corruptChunks);
        count("rafter.events.immediate", "Kernel events whose bytes were there.", events, EventStats::immediate);
        count("rafter.events.filled", "Kernel events whose bytes were fetched.", events, EventStats::filled);
        count("rafter.events.denied", "Kernel events that became EIO.", events, EventStats::denied);
        for (int bucket = 0; bucket < FetchStats.boundedBuckets(); bucket++) {
            int upTo = bucket;
            FunctionCounter.builder("rafter.demand.waits", fetches, stats -> waitsUpTo(stats, upTo))
                    .description("Reads by how long they waited, cumulative.")
                    .tag("le.millis", String.valueOf(FetchStats.boundMillis(bucket)))
                    .register(registry);
        }
        Gauge.builder("rafter.mounts", mounts, all -> all.mounts().size())
                .description("Images that are mounted.")
                .register(registry);
    }

    private static double waitsUpTo(FetchStats stats, int bucket) {
        long waits = 0;
        for (int i = 0; i <= bucket; i++) {
            waits += stats.waits(i);
        }
        return waits;
    }

    private <T> void count(String name, String what, T from, ToDoubleFunction<T> value) {
        FunctionCounter.builder(name, from, value).description(what).register(registry);
    }

    /** For those that count by themselves. */
    MeterRegistry registry() {
        return registry;
    }

    String text() {
        return registry.scrape();
    }
}
