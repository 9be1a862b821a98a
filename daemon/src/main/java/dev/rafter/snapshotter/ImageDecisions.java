package dev.rafter.snapshotter;

import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import dev.rafter.oci.Digest;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.time.Duration;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decides for each image, once in a pull, whether it is served lazily: after the first layer that is not, containerd fetches all
 * others. A decision holds while its pull goes on, across restarts too, for the layers that are here remember it. Thread safe.
 */
final class ImageDecisions {
    private static final Logger LOG = LoggerFactory.getLogger(ImageDecisions.class);
    private static final String NO_LABELS = "containerd did not say which image it unpacks";
    /** A pull that prepares no layer for so long is over. */
    private static final long PULL_NANOS = Duration.ofMinutes(10).toNanos();

    private final LazyImages lazyImages;
    private final MeterRegistry meters;
    private final Map<Digest, Pull> pulls = new LinkedHashMap<>();
    private boolean toldOfLabels;

    private static final class Pull {
        final CompletableFuture<LazyImages.Decision> decision = new CompletableFuture<>();
        long lastUseNanos;
    }

    ImageDecisions(LazyImages lazyImages, MeterRegistry meters) {
        this.lazyImages = lazyImages;
        this.meters = meters;
    }

    /**
     * How a layer that is being prepared comes here.
     *
     * @param parent the layer below, if there is one and it is known
     * @throws IOException if it cannot be served lazily, and containerd cannot unpack it either
     */
    Origin origin(Map<String, String> labels, @Nullable Snapshot parent) throws IOException {
        Optional<ImageLayer> asked = Labels.imageLayer(labels);
        if (asked.isEmpty()) {
            return withoutImage(labels, parent == null);
        }
        ImageLayer layer = asked.get();
        if (parent != null && isPulled(parent, layer) && !Labels.isRafs(labels)) {
            return new Origin(
                    false, parent.origin() == null ? "" : parent.origin().explanation(), layer);
        }
        return switch (decision(layer, labels, parent == null)) {
            case LazyImages.Decision.Lazy lazy when lazy.layers().contains(layer.layer()) -> Origin.lazy(layer);
            case LazyImages.Decision.Lazy _ -> Origin.pulled("this layer is not in the image's lazy part", layer);
            case LazyImages.Decision.Plain plain -> Origin.pulled(plain.explanation(), layer);
        };
    }

    private static boolean isPulled(Snapshot parent, ImageLayer layer) {
        return parent.origin() != null
                && !parent.origin().lazy()
                && parent.origin().isOf(layer);
    }

    private Origin withoutImage(Map<String, String> labels, boolean first) throws SnapshotException {
        if (Labels.isRafs(labels)) {
            throw SnapshotException.precondition(
                    "this is a layer of a RAFS image, which has to be served lazily, but " + NO_LABELS
                            + ": set disable_snapshot_annotations = false in its configuration, or pull by CRI or nerdctl");
        }
        if (first) {
            count("pulled", LazyImages.Why.NO_LABELS.name());
            tellOfLabels();
        }
        return Origin.pulled(NO_LABELS, null);
    }

    private synchronized void tellOfLabels() {
        if (!toldOfLabels) {
            toldOfLabels = true;
            LOG.info(
                    "{}: such images are pulled normally; disable_snapshot_annotations = false in containerd's"
                            + " configuration makes it tell",
                    NO_LABELS);
        }
    }

    private LazyImages.Decision decision(ImageLayer layer, Map<String, String> labels, boolean first)
            throws IOException {
        Pull mine = new Pull();
        Pull pull = join(layer.manifest(), mine, first);
        if (pull == mine) {
            decide(layer, labels, mine);
        }
        try {
            return pull.decision.join();
        } catch (CompletionException e) {
            throw e.getCause() instanceof IOException cause ? cause : new IOException(e.getCause());
        }
    }

    /** The pull that this layer belongs to; the first layer of an image that was not lazy before begins a new one. */
    private synchronized Pull join(Digest manifest, Pull mine, boolean first) {
        long now = System.nanoTime();
        pulls.values().removeIf(pull -> isOver(pull, now));
        Pull last = pulls.get(manifest);
        if (first && last != null && isPlain(last)) {
            pulls.remove(manifest);
        }
        Pull pull = pulls.computeIfAbsent(manifest, key -> mine);
        pull.lastUseNanos = now;
        return pull;
    }

    private static boolean isPlain(Pull pull) {
        return pull.decision.isDone()
                && !pull.decision.isCompletedExceptionally()
                && pull.decision.join() instanceof LazyImages.Decision.Plain;
    }

    private void decide(ImageLayer layer, Map<String, String> labels, Pull pull) {
        try {
            LazyImages.Decision decision = lazyImages.decide(layer, labels);
            report(layer, decision);
            pull.decision.complete(decision);
        } catch (IOException e) {
            fail(layer, labels, pull, e);
        } catch (RuntimeException | Error e) {
            forget(layer.manifest());
            pull.decision.completeExceptionally(e);
        }
    }

    private void fail(ImageLayer layer, Map<String, String> labels, Pull pull, IOException e) {
        if (Labels.isRafs(labels)) {
            count("failed", why(e).name());
            LOG.warn("image {} ({}) cannot be served: {}", layer.reference(), layer.manifest(), e.getMessage());
            forget(layer.manifest());
            pull.decision.completeExceptionally(e);
        } else {
            LazyImages.Decision plain = new LazyImages.Decision.Plain(
                    LazyImages.Why.ERROR, "it could not be found out what the image is: " + e.getMessage());
            report(layer, plain);
            pull.decision.complete(plain);
        }
    }

    private static LazyImages.Why why(IOException e) {
        return e instanceof FailureException failure && failure.kind() == FailureKind.NODE
                ? LazyImages.Why.NODE
                : LazyImages.Why.ERROR;
    }

    /** Images whose pull goes on and needs them, or has come to its end just now. */
    synchronized Set<Digest> pulling() {
        long now = System.nanoTime();
        Set<Digest> pulling = new HashSet<>();
        pulls.forEach((manifest, pull) -> {
            if (!isOver(pull, now) && !isPlain(pull)) {
                pulling.add(manifest);
            }
        });
        return pulling;
    }

    private static boolean isOver(Pull pull, long nowNanos) {
        return pull.decision.isDone() && nowNanos - pull.lastUseNanos > PULL_NANOS;
    }

    /** The image's next pull decides anew. */
    synchronized void forget(Digest manifest) {
        pulls.remove(manifest);
    }

    private void report(ImageLayer layer, LazyImages.Decision decision) {
        switch (decision) {
            case LazyImages.Decision.Lazy _ -> {
                count("lazily", "");
                LOG.info("image {} ({}) is served lazily", layer.reference(), layer.manifest());
            }
            case LazyImages.Decision.Plain plain -> {
                count("pulled", plain.why().name());
                LOG.info(
                        "image {} ({}) is pulled normally: {}",
                        layer.reference(),
                        layer.manifest(),
                        plain.explanation());
            }
        }
    }

    private void count(String served, String why) {
        meters.counter("rafter.snapshotter.images", "served", served, "why", why.toLowerCase(java.util.Locale.ROOT))
                .increment();
    }
}
