package dev.rafter.fetch;

import dev.rafter.blob.BlobCache;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** What all fetchers of a node share: options, places for requests, memory for frames, what the ways to hosts are like, counters. Thread safe. */
public final class Fetching {
    private final FetchOptions options;
    private final RequestGate gate;
    private final FrameBuffers buffers;
    private final FetchStats stats = new FetchStats();
    private final Map<String, LinkEstimate> links = new ConcurrentHashMap<>();

    public Fetching(FetchOptions options) {
        this.options = options;
        gate = new RequestGate(options.maxRequests());
        buffers = new FrameBuffers(options.maxBufferBytes());
    }

    /** A fetcher that fills a cache from a source. */
    public BlobFetcher fetcher(BlobCache cache, BlobSource source) {
        return new BlobFetcher(this, cache, source);
    }

    public FetchStats stats() {
        return stats;
    }

    /** What the way to a host is like, from all fetches of the node. */
    LinkEstimate link(String host) {
        return links.computeIfAbsent(host, _ -> new LinkEstimate());
    }

    FetchOptions options() {
        return options;
    }

    RequestGate gate() {
        return gate;
    }

    FrameBuffers buffers() {
        return buffers;
    }
}
