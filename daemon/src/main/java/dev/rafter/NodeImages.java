package dev.rafter;

import dev.rafter.api.MountRequest;
import dev.rafter.blob.BlobStore;
import dev.rafter.image.ImageOpener;
import dev.rafter.image.ImageStore;
import dev.rafter.image.StoredImage;
import dev.rafter.mount.MountManager;
import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Digest;
import dev.rafter.oci.Platform;
import dev.rafter.oci.Reference;
import dev.rafter.registry.ImageReference;
import dev.rafter.snapshotter.ImageLayer;
import dev.rafter.snapshotter.Labels;
import dev.rafter.snapshotter.LazyImages;
import dev.rafter.snapshotter.SnapshotException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The images that containerd's snapshots need: RAFS v6 images, each mounted once at {@code <run>/images/<manifest hex>} when its first
 * container is made. An empty file {@code <root>/pulled/<manifest hex>} says that an image is held for snapshots; when they let go of it,
 * its bootstrap and the cache files that no other image has are deleted. What happens to one image happens in order.
 */
final class NodeImages implements LazyImages {
    private static final Logger LOG = LoggerFactory.getLogger(NodeImages.class);

    private final ImageOpener opener;
    private final ImageStore images;
    private final BlobStore blobs;
    private final MountManager mounts;
    private final Path held;
    private final Path mountPoints;
    private final Map<Digest, ReentrantLock> locks = new ConcurrentHashMap<>();
    private final Map<Digest, Digest> lastLayers = new ConcurrentHashMap<>();

    NodeImages(ImageOpener opener, ImageStore images, BlobStore blobs, MountManager mounts, Path root, Path run)
            throws IOException {
        this.opener = opener;
        this.images = images;
        this.blobs = blobs;
        this.mounts = mounts;
        held = Files.createDirectories(root.resolve("pulled"));
        mountPoints = Files.createDirectories(run.resolve("images"));
    }

    @Override
    public Decision decide(ImageLayer layer, Map<String, String> labels) throws IOException {
        if (!Labels.isRafs(labels)) {
            return new Decision.Plain(Why.FORMAT, "the image is not RAFS; rafter convert makes one of it");
        }
        ReentrantLock lock = lock(layer.manifest());
        try {
            StoredImage image = fetch(layer);
            mark(layer.manifest());
            return new Decision.Lazy(Set.copyOf(image.layers()));
        } finally {
            lock.unlock();
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

    private void mark(Digest manifest) throws IOException {
        Path mark = held.resolve(manifest.hex());
        if (Files.notExists(mark)) {
            Files.createFile(mark);
        }
    }

    @Override
    public Path mount(ImageLayer layer) throws IOException {
        ReentrantLock lock = lock(layer.manifest());
        try {
            requireLast(layer);
            Path directory = mountPoints.resolve(layer.manifest().hex());
            if (!mounts.isMounted(directory)) {
                mark(layer.manifest());
                mounts.mount(request(reference(layer), directory));
            }
            return directory;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public Path data(ImageLayer layer) throws IOException {
        Digest last = lastLayers.get(layer.manifest());
        if (last == null) {
            Optional<StoredImage> stored = images.find(layer.manifest());
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
    public void release(Digest manifest) throws IOException {
        ReentrantLock lock = lock(manifest);
        try {
            Path directory = mountPoints.resolve(manifest.hex());
            if (mounts.isMounted(directory)) {
                mounts.unmount(directory.toString());
            }
            Files.deleteIfExists(directory);
            if (isMountedElsewhere(manifest) || mounts.lingering().contains(directory)) {
                LOG.info("image {} is still read from; its data stay for now", manifest);
            } else {
                delete(manifest);
            }
        } finally {
            lock.unlock();
        }
    }

    private void delete(Digest manifest) throws IOException {
        Optional<StoredImage> image = images.find(manifest);
        images.remove(manifest);
        lastLayers.remove(manifest);
        if (image.isPresent()) {
            deleteBlobs(image.get());
        }
        Files.deleteIfExists(held.resolve(manifest.hex()));
    }

    private boolean isMountedElsewhere(Digest manifest) {
        return mounts.mounts().stream().anyMatch(mount -> mount.digest().equals(manifest.toString()));
    }

    private void deleteBlobs(StoredImage image) throws IOException {
        Set<Digest> needed = new HashSet<>();
        for (StoredImage other : images.all()) {
            other.blobs().stream().map(Descriptor::digest).forEach(needed::add);
        }
        for (Descriptor blob : image.blobs()) {
            if (!needed.contains(blob.digest())) {
                blobs.delete(blob.digest());
            }
        }
    }

    @Override
    public void retain(Set<Digest> manifests) throws IOException {
        try (DirectoryStream<Path> marks = Files.newDirectoryStream(held)) {
            for (Path mark : marks) {
                Digest manifest = Digest.parse("sha256:" + mark.getFileName());
                if (!manifests.contains(manifest)) {
                    LOG.info("image {} is needed by no snapshot any more", manifest);
                    release(manifest);
                }
            }
        }
    }

    private ReentrantLock lock(Digest manifest) {
        ReentrantLock lock = locks.computeIfAbsent(manifest, _ -> new ReentrantLock());
        lock.lock();
        return lock;
    }
}
