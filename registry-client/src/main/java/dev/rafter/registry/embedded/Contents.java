package dev.rafter.registry.embedded;

import dev.rafter.oci.Digest;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentHashMap;

/** Where a registry keeps bytes: content by digest, and uploads that are under way. Thread safe, but for one upload at a time each. */
sealed interface Contents {
    /** Size of a content; empty if it is not there. */
    OptionalLong size(Digest digest) throws IOException;

    /** The bytes of a content from an offset on. */
    InputStream open(Digest digest, long offset) throws IOException;

    /** Appends to an upload, which begins with its first bytes. */
    OutputStream append(String upload) throws IOException;

    /** The bytes of an upload so far. */
    InputStream openUpload(String upload) throws IOException;

    /** Makes an upload the content of a digest that was checked. */
    void commit(String upload, Digest digest) throws IOException;

    void abandon(String upload) throws IOException;

    /** In memory. */
    final class InMemory implements Contents {
        private final Map<Digest, byte[]> contents = new ConcurrentHashMap<>();
        private final Map<String, ByteArrayOutputStream> uploads = new ConcurrentHashMap<>();

        @Override
        public OptionalLong size(Digest digest) {
            byte[] content = contents.get(digest);
            return content == null ? OptionalLong.empty() : OptionalLong.of(content.length);
        }

        @Override
        public InputStream open(Digest digest, long offset) throws IOException {
            byte[] content = contents.get(digest);
            if (content == null) {
                throw new IOException("no content " + digest);
            }
            return new ByteArrayInputStream(content, (int) offset, content.length - (int) offset);
        }

        @Override
        public OutputStream append(String upload) {
            return uploads.computeIfAbsent(upload, _ -> new ByteArrayOutputStream());
        }

        @Override
        public InputStream openUpload(String upload) {
            return new ByteArrayInputStream(bytes(upload));
        }

        @Override
        public void commit(String upload, Digest digest) {
            contents.putIfAbsent(digest, bytes(upload));
            uploads.remove(upload);
        }

        @Override
        public void abandon(String upload) {
            uploads.remove(upload);
        }

        private byte[] bytes(String upload) {
            ByteArrayOutputStream bytes = uploads.get(upload);
            return bytes == null ? new byte[0] : bytes.toByteArray();
        }
    }

    /** In a directory: {@code blobs/<algorithm>/<hex>} and {@code uploads/<id>}. */
    final class InDirectory implements Contents {
        private final Path blobs;
        private final Path uploads;

        InDirectory(Path directory) throws IOException {
            blobs = directory.resolve("blobs");
            uploads = Files.createDirectories(directory.resolve("uploads"));
        }

        private Path file(Digest digest) {
            return blobs.resolve(digest.algorithm()).resolve(digest.hex());
        }

        @Override
        public OptionalLong size(Digest digest) throws IOException {
            return Files.isRegularFile(file(digest)) ? OptionalLong.of(Files.size(file(digest))) : OptionalLong.empty();
        }

        @Override
        public InputStream open(Digest digest, long offset) throws IOException {
            FileChannel channel = FileChannel.open(file(digest), StandardOpenOption.READ);
            return Channels.newInputStream(channel.position(offset));
        }

        @Override
        public OutputStream append(String upload) throws IOException {
            return Files.newOutputStream(uploads.resolve(upload), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        }

        @Override
        public InputStream openUpload(String upload) throws IOException {
            Path file = uploads.resolve(upload);
            return Files.exists(file) ? Files.newInputStream(file) : InputStream.nullInputStream();
        }

        @Override
        public void commit(String upload, Digest digest) throws IOException {
            try (OutputStream _ = append(upload)) {
                Files.createDirectories(file(digest).getParent());
            }
            Files.move(uploads.resolve(upload), file(digest), StandardCopyOption.REPLACE_EXISTING);
        }

        @Override
        public void abandon(String upload) throws IOException {
            Files.deleteIfExists(uploads.resolve(upload));
        }
    }
}
