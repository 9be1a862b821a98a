package dev.rafter.image;

import dev.rafter.format.FileType;
import dev.rafter.format.tar.TarEntry;
import dev.rafter.format.tar.TarWriter;
import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Digest;
import dev.rafter.oci.Manifest;
import dev.rafter.oci.MediaTypes;
import dev.rafter.registry.ImageSource;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.TreeMap;

/** A small plain OCI image in memory: files in folders, of a few sizes. */
public final class RehearsalImage implements ImageSource {
    private static final int FILES_PER_FOLDER = 25;
    private static final int LARGEST_BYTES = 8_000;

    private final byte[] layer;
    private final byte[] config;
    private final byte[] manifest;

    /**
     * An image of one layer.
     *
     * @param folders of 25 files each
     */
    public RehearsalImage(int folders) {
        layer = layer(folders);
        config = """
            {"architecture":"any","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["%s"]}}
            """.formatted(Digest.sha256(layer)).getBytes(StandardCharsets.UTF_8);
        manifest = new Manifest(
                        MediaTypes.OCI_MANIFEST,
                        descriptor(MediaTypes.OCI_CONFIG, config),
                        List.of(descriptor(MediaTypes.OCI_LAYER, layer)))
                .toJson();
    }

    private static Descriptor descriptor(String mediaType, byte[] content) {
        return new Descriptor(mediaType, Digest.sha256(content), content.length);
    }

    private static byte[] layer(int folders) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        TarWriter tar = new TarWriter(out);
        try {
            for (int folder = 0; folder < folders; folder++) {
                tar.put(entry("folder" + folder, FileType.DIRECTORY, 0));
                for (int file = 0; file < FILES_PER_FOLDER; file++) {
                    byte[] content = content(folder * FILES_PER_FOLDER + file);
                    tar.put(entry("folder" + folder + "/file" + file, FileType.REGULAR, content.length));
                    tar.write(content, 0, content.length);
                }
            }
            tar.finish();
        } catch (IOException e) {
            throw new IllegalStateException("memory takes all that is written", e);
        }
        return out.toByteArray();
    }

    private static byte[] content(int number) {
        byte[] content = new byte[1 + number * 997 % LARGEST_BYTES];
        for (int i = 0; i < content.length; i++) {
            content[i] = (byte) (number + (i >>> (number & 7)));
        }
        return content;
    }

    private static TarEntry entry(String name, FileType type, int sizeBytes) {
        return new TarEntry(name, type, false, 0755, 0, 0, sizeBytes, 0, 0, "", 0, 0, new TreeMap<>());
    }

    @Override
    public String describe() {
        return "the rehearsal's image";
    }

    @Override
    public Descriptor resolve() {
        return descriptor(MediaTypes.OCI_MANIFEST, manifest);
    }

    @Override
    public byte[] document(Descriptor descriptor) throws IOException {
        return content(descriptor.digest());
    }

    private byte[] content(Digest digest) throws IOException {
        for (byte[] content : List.of(layer, config, manifest)) {
            if (digest.equals(Digest.sha256(content))) {
                return content;
            }
        }
        throw new IOException(describe() + " has no " + digest);
    }

    @Override
    public InputStream blob(Descriptor descriptor) throws IOException {
        return new ByteArrayInputStream(content(descriptor.digest()));
    }

    @Override
    public ReadableByteChannel range(Descriptor descriptor, long offset, long lengthBytes, Duration timeout)
            throws IOException {
        return Channels.newChannel(new ByteArrayInputStream(
                content(descriptor.digest()), Math.toIntExact(offset), Math.toIntExact(lengthBytes)));
    }

    @Override
    public void close() {
        // it is in memory
    }
}
