package dev.rafter.image;

import dev.rafter.oci.Digest;
import dev.rafter.oci.DocumentException;
import dev.rafter.oci.Json;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The images of a node: a directory each, named by the hexadecimal digits of its digest, that appears complete or not at all.
 *
 * <pre>
 *   bootstrap.erofs   what the kernel mounts
 *   BLOB.blob.meta    {@link BlobMetas} of a blob, where the bootstrap alone does not tell its chunks
 *   image.json        {@link StoredImage}
 * </pre>
 *
 * What is being written or deleted stands in a directory whose name begins with ".new-"; such are removed when the store is opened. What
 * was put aside, to be deleted together with its blobs, stands in ".aside-" and the digest's digits.
 */
public final class ImageStore {
    private static final Logger LOG = LoggerFactory.getLogger(ImageStore.class);
    private static final String UNFINISHED = ".new-";
    private static final String ASIDE = ".aside-";

    private final Path directory;
    /** One at a time: what one has added another must not take for what was damaged. */
    private final ReentrantLock adding = new ReentrantLock();

    private ImageStore(Path directory) {
        this.directory = directory;
    }

    /** Opens or makes a store in a directory. */
    public static ImageStore open(Path directory) throws IOException {
        Files.createDirectories(directory);
        try (DirectoryStream<Path> unfinished = Files.newDirectoryStream(directory, UNFINISHED + "*")) {
            for (Path left : unfinished) {
                delete(left);
            }
        }
        return new ImageStore(directory);
    }

    /** Where an image is, or would be. */
    public Path path(Digest digest) {
        return directory.resolve(digest.hex());
    }

    static Path bootstrap(Path image) {
        return image.resolve("bootstrap.erofs");
    }

    /** @param blob 64 hexadecimal digits */
    static Path meta(Path image, String blob) {
        return image.resolve(blob + BlobMetas.SUFFIX);
    }

    /** What is kept of an image that is to be opened; empty if there is nothing, or not what was written: then it is to be added anew. */
    Optional<StoredImage> find(Digest digest) throws IOException {
        Path image = path(digest);
        Optional<StoredImage> stored = read(image);
        if (stored.isPresent() && isWhole(image, stored.get())) {
            return stored;
        }
        if (Files.exists(image)) {
            LOG.warn("{} is damaged; the image is to be opened anew", image);
        }
        return Optional.empty();
    }

    /** What was written down of an image, without looking at its bootstrap. */
    public Optional<StoredImage> known(Digest digest) throws IOException {
        return read(path(digest));
    }

    private static Optional<StoredImage> read(Path image) throws IOException {
        Path document = image.resolve("image.json");
        try {
            return Optional.of(Json.parse(Files.readAllBytes(document), StoredImage.class, document.toString()));
        } catch (NoSuchFileException _) {
            return Optional.empty();
        } catch (DocumentException e) {
            LOG.debug("{}", e.toString());
            return Optional.empty();
        }
    }

    private static boolean isWhole(Path image, StoredImage stored) throws IOException {
        Path bootstrap = bootstrap(image);
        return Files.isRegularFile(bootstrap)
                && Files.size(bootstrap) == stored.bootstrapBytes()
                && Digests.ofFile(bootstrap).equals(stored.bootstrap());
    }

    /** What was written down of all images; without looking at their bootstraps. */
    public List<StoredImage> all() throws IOException {
        List<StoredImage> images = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory, "[0-9a-f]*")) {
            for (Path image : entries) {
                read(image).ifPresent(images::add);
            }
        }
        return images;
    }

    /** Writes what an image consists of, but for {@code image.json}, into an empty directory, and says what that is to hold. */
    interface Content {
        StoredImage write(Path image) throws IOException;
    }

    /** Adds an image, durably. One that came meanwhile stays; one that is damaged is replaced. */
    StoredImage add(Digest digest, Content content) throws IOException {
        Path fresh = Files.createDirectory(directory.resolve(UNFINISHED + UUID.randomUUID()));
        try {
            StoredImage stored = content.write(fresh);
            Files.write(fresh.resolve("image.json"), Json.bytes(stored));
            sync(fresh);
            replace(digest, fresh);
            return stored;
        } finally {
            delete(fresh);
        }
    }

    private void replace(Digest digest, Path fresh) throws IOException {
        adding.lock();
        try {
            if (find(digest).isEmpty()) {
                remove(path(digest));
            }
            move(fresh, path(digest));
            syncFile(directory);
        } finally {
            adding.unlock();
        }
    }

    private static void move(Path fresh, Path image) throws IOException {
        try {
            Files.move(fresh, image, StandardCopyOption.ATOMIC_MOVE);
        } catch (AtomicMoveNotSupportedException e) {
            throw e;
        } catch (DirectoryNotEmptyException | FileAlreadyExistsException e) {
            LOG.debug("{} is there already", image, e);
        } catch (FileSystemException e) {
            if (Files.notExists(image)) {
                throw e;
            }
        }
    }

    /** Puts an image aside, if it is here, so that nobody finds it any more. Nothing may use it. */
    public void putAside(Digest digest) throws IOException {
        Path image = path(digest);
        if (Files.exists(image)) {
            remove(aside(image));
            Files.move(image, aside(image), StandardCopyOption.ATOMIC_MOVE);
            syncFile(directory);
        }
    }

    private Path aside(Path image) {
        return directory.resolve(ASIDE + image.getFileName());
    }

    /** What was written down of an image that was put aside. */
    public Optional<StoredImage> aside(Digest digest) throws IOException {
        return read(aside(path(digest)));
    }

    /** Deletes what was put aside of an image. */
    public void removeAside(Digest digest) throws IOException {
        remove(aside(path(digest)));
    }

    /** Whole or not at all. */
    private void remove(Path image) throws IOException {
        if (Files.exists(image)) {
            Path unfinished = directory.resolve(UNFINISHED + UUID.randomUUID());
            Files.move(image, unfinished, StandardCopyOption.ATOMIC_MOVE);
            delete(unfinished);
        }
    }

    private static void sync(Path image) throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(image)) {
            for (Path file : files) {
                syncFile(file);
            }
        }
        syncFile(image);
    }

    private static void syncFile(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    private static void delete(Path image) throws IOException {
        if (Files.notExists(image)) {
            return;
        }
        try (DirectoryStream<Path> files = Files.newDirectoryStream(image)) {
            for (Path file : files) {
                Files.delete(file);
            }
        }
        Files.delete(image);
    }
}
