package dev.rafter;

import dev.rafter.blob.BlobStore;
import dev.rafter.image.ImageStore;
import dev.rafter.image.StoredImage;
import dev.rafter.mount.MountManager;
import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Digest;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The images that are held for containerd's snapshots, and how they go. An empty file {@code <root>/pulled/<manifest hex>}, the mark, says
 * that an image is held. It goes in this order, and whoever is killed in between begins anew and comes to the same end: it is unmounted;
 * when nothing reads from it any more, it is put aside, so that nobody finds it; cache files that no other image has are deleted; then
 * what was put aside, and last the mark.
 */
final class HeldImages {
    private static final String HEX = "[0-9a-f]{64}";

    private final Path marks;
    private final Path mountPoints;
    private final ImageStore images;
    private final BlobStore blobs;
    private final MountManager mounts;

    HeldImages(Path root, Path run, ImageStore images, BlobStore blobs, MountManager mounts) throws IOException {
        this.images = images;
        this.blobs = blobs;
        this.mounts = mounts;
        marks = Files.createDirectories(root.resolve("pulled"));
        mountPoints = Files.createDirectories(run.resolve("images")).toRealPath();
    }

    /** Where an image is mounted, if it is: a real path. */
    Path mountPoint(Digest manifest) {
        return mountPoints.resolve(manifest.hex());
    }

    void hold(Digest manifest) throws IOException {
        Path mark = mark(manifest);
        if (Files.notExists(mark)) {
            Files.createFile(mark);
        }
    }

    private Path mark(Digest manifest) {
        return marks.resolve(manifest.hex());
    }

    List<Digest> all() throws IOException {
        List<Digest> held = new ArrayList<>();
        try (DirectoryStream<Path> found = Files.newDirectoryStream(marks)) {
            for (Path mark : found) {
                String name = mark.getFileName().toString();
                if (name.matches(HEX)) {
                    held.add(Digest.parse("sha256:" + name));
                }
            }
        }
        return held;
    }

    /**
     * Lets an image go; false if something still reads from it, or might, and it has to be tried again.
     *
     * @throws IOException what is in the way; the image is held further then
     */
    boolean letGo(Digest manifest) throws IOException {
        Path directory = mountPoint(manifest);
        if (mounts.has(directory)) {
            mounts.unmount(directory.toString());
        }
        Files.deleteIfExists(directory);
        if (!mounts.ifUnused(manifest, () -> images.putAside(manifest)) || !deleteBlobs(manifest)) {
            return false;
        }
        images.removeAside(manifest);
        Files.deleteIfExists(mark(manifest));
        return true;
    }

    /** Whether all are gone that no other image has; one that is open is not. */
    private boolean deleteBlobs(Digest manifest) throws IOException {
        Optional<StoredImage> image = images.aside(manifest);
        if (image.isEmpty()) {
            return true;
        }
        Set<Digest> needed = new HashSet<>();
        for (StoredImage other : images.all()) {
            other.blobs().stream().map(Descriptor::digest).forEach(needed::add);
        }
        boolean gone = true;
        for (Descriptor blob : image.get().blobs()) {
            gone &= needed.contains(blob.digest()) || blobs.delete(blob.digest());
        }
        return gone;
    }
}
