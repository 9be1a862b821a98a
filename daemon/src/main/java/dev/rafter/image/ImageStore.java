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
 * What is being written stands in a directory whose name begins with ".new-"; such are removed when the store is opened.
 */
public final class ImageStore {
    private static final Logger LOG = LoggerFactory.getLogger(ImageStore.class);
    private static final String UNFINISHED = ".new-";

    private final Path directory;

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

    /** What is kept of an image; empty, and removed, if it is not what was written. */
    public Optional<StoredImage> find(Digest digest) throws IOException {
        Path image = path(digest);
        if (Files.notExists(image)) {
            return Optional.empty();
        }
        Optional<StoredImage> stored = read(image);
        if (stored.isEmpty()) {
            LOG.warn("{} is damaged; the image is opened anew", image);
            delete(image);
        }
        return stored;
    }

    private static Optional<StoredImage> read(Path image) throws IOException {
        StoredImage stored;
        try {
            Path document = image.resolve("image.json");
            stored = Json.parse(Files.readAllBytes(document), StoredImage.class, document.toString());
        } catch (NoSuchFileException | DocumentException e) {
            LOG.debug("{}", e.toString());
            return Optional.empty();
        }
        Path bootstrap = bootstrap(image);
        boolean whole = Files.isRegularFile(bootstrap)
                && Files.size(bootstrap) == stored.bootstrapBytes()
                && Digests.ofFile(bootstrap).equals(stored.bootstrap());
        return whole ? Optional.of(stored) : Optional.empty();
    }

    /** All images that are kept; damaged ones are left out. */
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

    /** Adds an image, durably. One that came meanwhile stays. */
    StoredImage add(Digest digest, Content content) throws IOException {
        Path fresh = Files.createDirectory(directory.resolve(UNFINISHED + UUID.randomUUID()));
        try {
            StoredImage stored = content.write(fresh);
            Files.write(fresh.resolve("image.json"), Json.bytes(stored));
            sync(fresh);
            move(fresh, path(digest));
            syncFile(directory);
            return stored;
        } finally {
            delete(fresh);
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

    /** Forgets an image that nothing uses. */
    public void remove(Digest digest) throws IOException {
        delete(path(digest));
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
