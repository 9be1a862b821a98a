package dev.rafter.registry.layout;

import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Digest;
import dev.rafter.oci.Index;
import dev.rafter.oci.MediaTypes;
import dev.rafter.registry.ImageReference;
import dev.rafter.registry.ImageSource;
import dev.rafter.registry.ImageTarget;
import dev.rafter.registry.VerifyingInputStream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Writes an image into an OCI layout directory. Each file is written beside its place, synced, and renamed into it, so that a reader, or
 * a crash, finds a file whole or not at all; {@code index.json} comes last, under a lock that other processes respect too.
 */
public final class LayoutTarget implements ImageTarget {
    private static final byte[] LAYOUT = "{\"imageLayoutVersion\":\"1.0.0\"}".getBytes(StandardCharsets.US_ASCII);

    private static final Set<PosixFilePermission> PERMISSIONS = PosixFilePermissions.fromString("rw-r--r--");

    /** A file lock is per process; between threads this one holds. */
    private static final ReentrantLock INDEX_LOCK = new ReentrantLock();

    private final Path directory;
    private final @Nullable String tag;
    private final String display;

    private LayoutTarget(ImageReference.Layout reference) {
        this.directory = reference.directory();
        this.tag = reference.tag();
        this.display = reference.display();
    }

    /** Makes the layout if there is none; what is in it stays. */
    public static LayoutTarget create(ImageReference.Layout reference) throws IOException {
        LayoutTarget target = new LayoutTarget(reference);
        Files.createDirectories(target.directory.resolve("blobs/sha256"));
        if (!Files.exists(target.directory.resolve("index.json"))) {
            target.locked(() -> {
                if (!Files.exists(target.directory.resolve("index.json"))) {
                    target.replace("index.json", new Index(MediaTypes.OCI_INDEX, List.of()).toJson());
                }
            });
        }
        if (!Files.exists(target.directory.resolve("oci-layout"))) {
            target.replace("oci-layout", LAYOUT);
        }
        return target;
    }

    @Override
    public String describe() {
        return display;
    }

    @Override
    public boolean hasBlob(Descriptor descriptor) throws IOException {
        Path file = file(descriptor.digest());
        return Files.isRegularFile(file) && Files.size(file) == descriptor.size();
    }

    /** Layouts do not share files. */
    @Override
    public boolean mountBlob(Descriptor descriptor, ImageSource from) {
        return false;
    }

    @Override
    public void putBlob(Descriptor descriptor, Content content) throws IOException {
        if (hasBlob(descriptor)) {
            return;
        }
        Path file = file(descriptor.digest());
        Files.createDirectories(file.getParent());
        try (InputStream in = new VerifyingInputStream(content.open(), descriptor, "what is written to " + display)) {
            write(file, in);
        }
    }

    /** A file of another filesystem is copied by the kernel. */
    @Override
    public void takeBlob(Descriptor descriptor, Path source) throws IOException {
        if (hasBlob(descriptor)) {
            return;
        }
        if (Files.size(source) != descriptor.size()) {
            throw new IllegalArgumentException(source + " has " + Files.size(source) + " bytes, not " + descriptor);
        }
        Path file = file(descriptor.digest());
        Files.createDirectories(file.getParent());
        place(file, temporary -> Files.move(source, temporary, StandardCopyOption.REPLACE_EXISTING));
    }

    @Override
    public Descriptor putManifest(String mediaType, byte[] document, boolean tagged) throws IOException {
        Descriptor descriptor = new Descriptor(mediaType, Digest.sha256(document), document.length);
        putBlob(descriptor, () -> new ByteArrayInputStream(document));
        if (tagged) {
            locked(() -> enter(descriptor));
        }
        return descriptor;
    }

    private void enter(Descriptor descriptor) throws IOException {
        Path file = directory.resolve("index.json");
        Index old = Index.parse(Files.readAllBytes(file), file.toString());
        List<Descriptor> entries = new ArrayList<>();
        for (Descriptor entry : old.manifests()) {
            String name = entry.annotations().get(LayoutSource.REF_NAME);
            if (tag == null ? name != null : !tag.equals(name)) {
                entries.add(entry);
            }
        }
        entries.add(tag == null ? descriptor : descriptor.withAnnotations(Map.of(LayoutSource.REF_NAME, tag)));
        replace(
                "index.json",
                new Index(2, MediaTypes.OCI_INDEX, old.artifactType(), entries, old.subject(), old.annotations())
                        .toJson());
    }

    private Path file(Digest digest) {
        return directory.resolve(LayoutSource.blobName(digest));
    }

    private void replace(String name, byte[] content) throws IOException {
        write(directory.resolve(name), new ByteArrayInputStream(content));
    }

    private static void write(Path file, InputStream in) throws IOException {
        place(file, temporary -> {
            try (OutputStream out = Files.newOutputStream(temporary)) {
                in.transferTo(out);
            }
        });
    }

    private interface Writer {
        void write(Path temporary) throws IOException;
    }

    private static void place(Path file, Writer writer) throws IOException {
        Path directory = Objects.requireNonNull(file.toAbsolutePath().getParent(), "a file has a directory");
        Path temporary = Files.createTempFile(directory, ".writing-", "");
        try {
            writer.write(temporary);
            Files.setPosixFilePermissions(temporary, PERMISSIONS);
            sync(temporary, StandardOpenOption.WRITE);
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            sync(directory, StandardOpenOption.READ);
        } finally {
            Files.deleteIfExists(temporary);
        }
    }

    private static void sync(Path path, OpenOption how) throws IOException {
        try (FileChannel channel = FileChannel.open(path, how)) {
            channel.force(true);
        }
    }

    private interface Action {
        void run() throws IOException;
    }

    private void locked(Action action) throws IOException {
        INDEX_LOCK.lock();
        try (FileChannel channel = FileChannel.open(
                        directory.resolve("blobs/.lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                FileLock lock = channel.lock()) {
            if (!lock.isValid()) {
                throw new IOException("the lock of " + display + " was lost");
            }
            action.run();
        } finally {
            INDEX_LOCK.unlock();
        }
    }

    /** Everything is on disk when a method returns. */
    @Override
    public void close() {}
}
