package dev.rafter.image;

import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import dev.rafter.format.rafs.RafsBootstrap;
import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Digest;
import dev.rafter.oci.Platform;
import dev.rafter.registry.ImageReference;
import dev.rafter.registry.ImageSource;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.util.Optional;

/**
 * Opens images: resolves the reference, tells the kind, puts the validated bootstrap into a store if it is not there, and finds out
 * where the chunks of each blob lie. Thread safe.
 */
public final class ImageOpener {
    private final Sources sources;
    private final ImageStore store;

    /** Port: opens what a reference names, without asking a registry yet. */
    public interface Sources {
        ImageSource open(ImageReference reference) throws IOException;
    }

    public ImageOpener(Sources sources, ImageStore store) {
        this.sources = sources;
        this.store = store;
    }

    /**
     * Opens an image, asking its registry what the reference means today; the blobs are not touched yet.
     *
     * @throws FailureException if the image is of a kind that cannot be read lazily; the message says what it is and what to do
     * @throws dev.rafter.format.CorruptImageException if it is broken
     */
    public OpenedImage open(ImageReference reference, Platform platform) throws IOException {
        if (reference instanceof ImageReference.Erofs file) {
            return new ImageFile(file, store).open();
        }
        ImageSource source = sources.open(reference);
        try {
            return open(reference, source, platform);
        } catch (IOException | RuntimeException e) {
            source.close();
            throw e;
        }
    }

    private OpenedImage open(ImageReference reference, ImageSource source, Platform platform) throws IOException {
        return opened(fetch(reference, source, platform), reference.display(), source);
    }

    /** Sees to it that an image's metadata are on this node. An image that is named by its digest, and is there, asks nobody. */
    public StoredImage fetch(ImageReference reference, Platform platform) throws IOException {
        try (ImageSource source = sources.open(reference)) {
            return fetch(reference, source, platform);
        }
    }

    private StoredImage fetch(ImageReference reference, ImageSource source, Platform platform) throws IOException {
        Digest named = reference instanceof ImageReference.Registry registry
                ? registry.reference().digest()
                : null;
        if (named != null) {
            Optional<StoredImage> stored = store.find(named);
            if (stored.isPresent()) {
                return stored.get();
            }
        }
        ResolvedImage resolved = ResolvedImage.resolve(source, platform);
        requireRafs(resolved, source);
        Digest digest = resolved.descriptor().digest();
        Optional<StoredImage> stored = store.find(digest);
        if (stored.isPresent()) {
            return stored.get();
        }
        return store.add(digest, new RafsFetch(source, reference.display(), resolved)::write);
    }

    /**
     * Opens an image that is in the store, without asking anybody.
     *
     * @param reference where its blobs are fetched: any place that has the image
     */
    public OpenedImage reopen(Digest digest, ImageReference reference) throws IOException {
        StoredImage stored = store.find(digest)
                .orElseThrow(() -> new FailureException(
                        FailureKind.FAILURE, "image " + digest + " is not on this node, or damaged"));
        if (reference instanceof ImageReference.Erofs file) {
            return new ImageFile(file, store).opened(stored);
        }
        ImageSource source = sources.open(reference);
        try {
            return opened(stored, reference.display(), source);
        } catch (IOException | RuntimeException e) {
            source.close();
            throw e;
        }
    }

    private OpenedImage opened(StoredImage stored, String name, ImageSource source) throws IOException {
        StoredRafs rafs = new StoredRafs(store.path(stored.digest()), name);
        return new OpenedImage(
                name,
                stored.digest(),
                stored.kind(),
                rafs.bootstrap(),
                rafs.devices(blob -> blob(source, stored.blobs().get(blob.index()))),
                source::close);
    }

    private static StoredRafs.Stored blob(ImageSource source, Descriptor blob) {
        return new StoredRafs.Stored(new SourceBlob(source, blob), blob.size());
    }

    private static void requireRafs(ResolvedImage resolved, ImageSource source) throws FailureException {
        ImageKind kind = resolved.kind();
        if (kind.isRafsV6()) {
            return;
        }
        String what = source.describe() + " is " + kind.description();
        throw new FailureException(
                FailureKind.IMAGE,
                switch (kind) {
                    case OTHER -> what;
                    case RAFS_V5, RAFS_ENCRYPTED ->
                        what
                                + ", which is not supported: convert the image that it was made from: rafter convert SOURCE TARGET";
                    default ->
                        what
                                + ", not RAFS: it cannot be read lazily as it is. Convert it and use the result: rafter convert "
                                + source.describe() + " TARGET";
                });
    }

    /** The bootstrap of an opened image, in memory. */
    public static RafsBootstrap bootstrap(OpenedImage image) throws IOException {
        return RafsBootstrap.parse(MemorySegment.ofArray(Files.readAllBytes(image.bootstrap())), image.name());
    }
}
