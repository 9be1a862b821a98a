package dev.rafter.fetch;

import dev.rafter.blob.BlobCache;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** What all fetchers of a node share: options, places for requests, memory for frames, what the ways to hosts are like, counters. Thread safe. */
public final class Fetching {
    private final FetchOptions options;
    private final RequestGate gate;
    private final FrameBuffers receiving;
    private final FrameBuffers decoding;
    private final FetchStats stats = new FetchStats();
    private final Map<String, LinkEstimate> links = new ConcurrentHashMap<>();

    public Fetching(FetchOptions options) {
        this.options = options;
        gate = new RequestGate(options.maxRequestsPerHost());
        receiving = FrameBuffers.forReceiving(options.maxBufferBytes() * 2 / 3);
        decoding = FrameBuffers.forDecoding(options.maxBufferBytes() / 3);
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

    /** For frames as they come. Nobody who has one waits for another one. */
    FrameBuffers receiving() {
        return receiving;
    }

    /** For frames that are decoded. Nobody who has one waits for a source, so that one which is slow holds up no other's. */
    FrameBuffers decoding() {
        return decoding;
    }
}
