package dev.rafter;

import dev.rafter.api.MountRequest;
import dev.rafter.blob.BlobStore;
import dev.rafter.blob.KeyedLocks;
import dev.rafter.image.ImageOpener;
import dev.rafter.image.ImageStore;
import dev.rafter.image.StoredImage;
import dev.rafter.mount.MountManager;
import dev.rafter.mount.StoppingException;
import dev.rafter.oci.Digest;
import dev.rafter.oci.Platform;
import dev.rafter.oci.Reference;
import dev.rafter.registry.ImageReference;
import dev.rafter.snapshotter.ImageLayer;
import dev.rafter.snapshotter.Labels;
import dev.rafter.snapshotter.LazyImages;
import dev.rafter.snapshotter.SnapshotException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The images that containerd's snapshots need: RAFS v6 images, each mounted once at {@code <run>/images/<manifest hex>} when its first
 * container is made, and held ({@link HeldImages}) until no snapshot needs it. What happens to one image happens in order.
 */
final class NodeImages implements LazyImages {
    private static final Logger LOG = LoggerFactory.getLogger(NodeImages.class);

    private final ImageOpener opener;
    private final ImageStore images;
    private final BlobStore blobs;
    private final MountManager mounts;
    private final HeldImages held;
    private final NodeFitness fitness;
    private final KeyedLocks<Digest> locks = new KeyedLocks<>();
    private final Map<Digest, Digest> lastLayers = new ConcurrentHashMap<>();
    /** Why images that nobody needs are still here, as it was logged. */
    private final Map<Digest, String> told = new ConcurrentHashMap<>();

    NodeImages(
            ImageOpener opener,
            ImageStore images,
            BlobStore blobs,
            MountManager mounts,
            HeldImages held,
            NodeFitness fitness) {
        this.opener = opener;
        this.images = images;
        this.blobs = blobs;
        this.mounts = mounts;
        this.held = held;
        this.fitness = fitness;
    }

    @Override
    public Decision decide(ImageLayer layer, Map<String, String> labels) throws IOException {
        if (!Labels.isRafs(labels)) {
            return new Decision.Plain(Why.FORMAT, "the image is not RAFS; rafter convert makes one of it");
        }
        fitness.require();
        try (var _ = locks.lock(layer.manifest())) {
            StoredImage image = fetch(layer);
            held.hold(layer.manifest());
            return new Decision.Lazy(Set.copyOf(image.layers()));
        }
    }

    @Override
    public void hold(ImageLayer layer) throws IOException {
        try (var _ = locks.lock(layer.manifest())) {
            if (images.known(layer.manifest()).isEmpty()) {
                fetch(layer);
            }
            held.hold(layer.manifest());
        }
    }

    private StoredImage fetch(ImageLayer layer) throws IOException {
        StoredImage image = opener.fetch(reference(layer), Platform.current());
        var _ = remember(image);
        return image;
    }

    /** The image by its digest: whatever its tag means today, and without asking anybody once its metadata are here. */
    private static ImageReference reference(ImageLayer layer) throws SnapshotException {
        try {
            return new ImageReference.Registry(
                    Reference.parse(layer.reference()).withDigest(layer.manifest()));
        } catch (IllegalArgumentException e) {
            throw new SnapshotException(
                    SnapshotException.Code.INVALID_ARGUMENT, "image " + layer.reference() + ": " + e.getMessage(), e);
        }
    }

    @Override
    public Path mount(ImageLayer layer) throws IOException {
        try (var _ = locks.lock(layer.manifest())) {
            requireLast(layer);
            held.hold(layer.manifest());
            Path directory = held.mountPoint(layer.manifest());
            mounts.keepMounted(request(reference(layer), directory));
            return directory;
        } catch (StoppingException e) {
            throw new SnapshotException(SnapshotException.Code.UNAVAILABLE, String.valueOf(e.getMessage()), e);
        }
    }

    @Override
    public Path data(ImageLayer layer) throws IOException {
        Digest last = lastLayers.get(layer.manifest());
        if (last == null) {
            Optional<StoredImage> stored = images.known(layer.manifest());
            last = stored.isEmpty() ? null : remember(stored.get());
        }
        return layer.layer().equals(last) ? images.path(layer.manifest()) : blobs.directory(layer.layer());
    }

    /** The image's last layer, its bootstrap. */
    private Digest remember(StoredImage image) {
        Digest last = image.layers().getLast();
        lastLayers.put(image.digest(), last);
        return last;
    }

    private void requireLast(ImageLayer layer) throws IOException {
        Digest last = lastLayers.get(layer.manifest());
        if (last == null) {
            last = remember(fetch(layer));
        }
        if (!last.equals(layer.layer())) {
            throw new SnapshotException(
                    SnapshotException.Code.FAILED_PRECONDITION,
                    layer + " is served lazily together with the image's other layers, and not without them");
        }
    }

    private static MountRequest request(ImageReference reference, Path directory) {
        return new MountRequest(reference.display(), directory.toString(), null, null, List.of(), List.of(), null);
    }

    @Override
    public void release(Supplier<Set<Digest>> needed) {
        try {
            Set<Digest> now = needed.get();
            for (Digest manifest : held.all()) {
                if (!now.contains(manifest)) {
                    locks.tryLock(manifest).ifPresent(lock -> release(lock, manifest, needed));
                }
            }
        } catch (IOException e) {
            LOG.warn("looking for images that no snapshot needs failed: {}", e.getMessage());
        }
    }

    private void release(KeyedLocks<Digest>.Held lock, Digest manifest, Supplier<Set<Digest>> needed) {
        try (lock) {
            if (needed.get().contains(manifest)) {
                return;
            }
            if (held.letGo(manifest)) {
                lastLayers.remove(manifest);
                told.remove(manifest);
                LOG.info("image {} was needed by no snapshot any more, and is gone", manifest);
            } else {
                tell(manifest, "it is still read from");
            }
        } catch (IOException | RuntimeException e) {
            tell(manifest, String.valueOf(e.getMessage()));
        }
    }

    /** Once, though it is tried again every few seconds. */
    private void tell(Digest manifest, String why) {
        if (!why.equals(told.put(manifest, why))) {
            LOG.warn("image {} is needed by no snapshot any more, but stays for now: {}", manifest, why);
        }
    }
}
