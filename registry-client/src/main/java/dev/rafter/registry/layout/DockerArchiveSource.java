package dev.rafter.registry.layout;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Digest;
import dev.rafter.oci.DocumentException;
import dev.rafter.oci.ImageConfig;
import dev.rafter.oci.Json;
import dev.rafter.oci.Manifest;
import dev.rafter.oci.MediaTypes;
import dev.rafter.registry.ImageSource;
import dev.rafter.registry.Ranges;
import dev.rafter.registry.VerifyingInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * An image in a tar file of "docker save" as it was before Docker 25: {@code manifest.json} names a configuration and layers by file.
 * The manifest that this gives is made up from them. A layer that is not compressed has the digest that the configuration says, which
 * is checked when the layer is read; the digests of others are computed when the image is resolved.
 */
final class DockerArchiveSource implements ImageSource {
    private static final int HASH_BUFFER_BYTES = 1 << 20;

    /** An element of manifest.json. */
    record Saved(
            @JsonProperty("Config") String config,
            @JsonProperty("RepoTags") @Nullable List<String> repoTags,
            @JsonProperty("Layers") List<String> layers) {}

    private record Synthesised(Descriptor manifest, byte[] document, Map<Digest, String> blobs) {}

    private final LayoutFiles files;
    private final Saved saved;
    private @Nullable Synthesised synthesised;

    private DockerArchiveSource(LayoutFiles files, Saved saved) {
        this.files = files;
        this.saved = saved;
    }

    static DockerArchiveSource open(LayoutFiles files, @Nullable String tag) throws IOException {
        if (files.size("manifest.json").isEmpty()) {
            throw new DocumentException(files.describe(), "is no archive of images: it has no manifest.json", null);
        }
        Saved[] all =
                Json.parse(files.document("manifest.json"), Saved[].class, "manifest.json of " + files.describe());
        List<Saved> matching = Arrays.stream(all)
                .filter(Objects::nonNull)
                .filter(image -> tag == null || tags(image).stream().anyMatch(name -> LayoutSource.isNamed(name, tag)))
                .toList();
        if (matching.size() != 1) {
            String names = Arrays.stream(all)
                    .filter(Objects::nonNull)
                    .map(image -> String.join(", ", tags(image)))
                    .collect(Collectors.joining(", "));
            String problem = matching.isEmpty() ? "no such image" : "which of the images?";
            throw LayoutSource.missing(files.describe() + ": " + problem + "; there are " + names);
        }
        return new DockerArchiveSource(files, matching.getFirst());
    }

    private static List<String> tags(Saved image) {
        return image.repoTags() == null ? List.of() : image.repoTags();
    }

    @Override
    public String describe() {
        return files.describe();
    }

    @Override
    public Descriptor resolve() throws IOException {
        return synthesised().manifest;
    }

    private synchronized Synthesised synthesised() throws IOException {
        Synthesised known = synthesised;
        if (known == null) {
            known = synthesise();
            synthesised = known;
        }
        return known;
    }

    private Synthesised synthesise() throws IOException {
        byte[] config = files.document(named(saved.config()));
        List<Digest> diffIds =
                ImageConfig.parse(config, saved.config() + " of " + describe()).diffIds();
        List<String> names = saved.layers() == null ? List.of() : saved.layers();
        if (names.size() != diffIds.size()) {
            throw wrong("manifest.json names " + names.size() + " layers, the configuration " + diffIds.size());
        }
        Map<Digest, String> blobs = new HashMap<>();
        blobs.put(Digest.sha256(config), saved.config());
        List<Descriptor> layers = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            Descriptor layer = layer(named(names.get(i)), diffIds.get(i));
            blobs.put(layer.digest(), names.get(i));
            layers.add(layer);
        }
        Descriptor configDescriptor = new Descriptor(MediaTypes.OCI_CONFIG, Digest.sha256(config), config.length);
        byte[] document = new Manifest(MediaTypes.OCI_MANIFEST, configDescriptor, layers).toJson();
        Descriptor manifest = new Descriptor(MediaTypes.OCI_MANIFEST, Digest.sha256(document), document.length);
        return new Synthesised(manifest, document, Map.copyOf(blobs));
    }

    private String named(@Nullable String name) throws IOException {
        if (name == null || files.size(name).isEmpty()) {
            throw wrong("manifest.json names the file \"" + name + "\", which is missing");
        }
        return name;
    }

    private Descriptor layer(String name, Digest diffId) throws IOException {
        long size = files.size(name).orElseThrow();
        ByteBuffer magic = ByteBuffer.allocate(4);
        if (size >= magic.capacity()) {
            try (ReadableByteChannel channel = files.open(name, 0, magic.capacity())) {
                while (magic.hasRemaining() && channel.read(magic) >= 0) {
                    // until it is full
                }
            }
        }
        int first = magic.getInt(0);
        if (first >>> 16 == 0x1f8b) {
            return new Descriptor(MediaTypes.OCI_LAYER_GZIP, digest(name, size), size);
        }
        if (first == 0x28b52ffd) {
            return new Descriptor(MediaTypes.OCI_LAYER_ZSTD, digest(name, size), size);
        }
        return new Descriptor(MediaTypes.OCI_LAYER, diffId, size);
    }

    private Digest digest(String name, long size) throws IOException {
        MessageDigest hash = Digest.newSha256();
        ByteBuffer buffer = ByteBuffer.allocate((int) Math.min(size, HASH_BUFFER_BYTES));
        try (ReadableByteChannel channel = files.open(name, 0, size)) {
            while (channel.read(buffer.clear()) >= 0) {
                hash.update(buffer.flip());
            }
        }
        return Digest.ofHash("sha256", hash.digest());
    }

    private DocumentException wrong(String problem) {
        return new DocumentException(describe(), problem, null);
    }

    @Override
    public byte[] document(Descriptor descriptor) throws IOException {
        Synthesised image = synthesised();
        if (descriptor.digest().equals(image.manifest.digest())) {
            return image.document.clone();
        }
        if (descriptor.size() > Json.MAX_DOCUMENT_BYTES) {
            throw wrong("document " + descriptor.digest() + " has more than " + Json.MAX_DOCUMENT_BYTES + " bytes");
        }
        try (InputStream in = blob(descriptor)) {
            return in.readAllBytes();
        }
    }

    @Override
    public InputStream blob(Descriptor descriptor) throws IOException {
        ReadableByteChannel channel = files.open(name(descriptor), 0, descriptor.size());
        return new VerifyingInputStream(Channels.newInputStream(channel), descriptor, describe());
    }

    @Override
    public ReadableByteChannel range(Descriptor descriptor, long offset, long lengthBytes, Duration timeout)
            throws IOException {
        Objects.requireNonNull(timeout);
        Ranges.check(descriptor, offset, lengthBytes);
        return files.open(name(descriptor), offset, lengthBytes);
    }

    private String name(Descriptor descriptor) throws IOException {
        String name = synthesised().blobs.get(descriptor.digest());
        if (name == null) {
            throw LayoutSource.missing(describe() + ": there is no blob " + descriptor.digest());
        }
        long size = files.size(name).orElseThrow();
        if (size != descriptor.size()) {
            throw wrong("blob " + descriptor.digest() + " has " + size + " bytes, its descriptor says "
                    + descriptor.size());
        }
        return name;
    }

    /** The file is opened for each read. */
    @Override
    public void close() {}
}
