package dev.rafter.registry;

import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Digest;
import dev.rafter.oci.Manifest;
import dev.rafter.oci.MediaTypes;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.stream.Collectors;

/**
 * An image of random layers, which nobody can unpack, but everybody can carry.
 *
 * @param blobs configuration and layers
 * @param layers the lowest first
 */
record TestImage(
        Map<Digest, byte[]> blobs, Descriptor config, List<Descriptor> layers, Descriptor manifest, byte[] document) {
    static TestImage random(long seed, int... layerSizes) {
        Random random = new Random(seed);
        Map<Digest, byte[]> blobs = new LinkedHashMap<>();
        List<Descriptor> layers = new ArrayList<>();
        for (int size : layerSizes) {
            byte[] layer = new byte[size];
            random.nextBytes(layer);
            layers.add(add(blobs, MediaTypes.OCI_LAYER, layer));
        }
        String ids = layers.stream().map(layer -> "\"" + layer.digest() + "\"").collect(Collectors.joining(","));
        String config = "{\"architecture\":\"amd64\",\"os\":\"linux\",\"seed\":" + seed
                + ",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[" + ids + "]}}";
        Descriptor configDescriptor = add(blobs, MediaTypes.OCI_CONFIG, config.getBytes(StandardCharsets.UTF_8));
        byte[] document = new Manifest(MediaTypes.OCI_MANIFEST, configDescriptor, layers).toJson();
        Descriptor manifest = new Descriptor(MediaTypes.OCI_MANIFEST, Digest.sha256(document), document.length);
        return new TestImage(blobs, configDescriptor, layers, manifest, document);
    }

    private static Descriptor add(Map<Digest, byte[]> blobs, String mediaType, byte[] content) {
        blobs.put(Digest.sha256(content), content);
        return new Descriptor(mediaType, Digest.sha256(content), content.length);
    }

    byte[] content(Descriptor blob) {
        return Objects.requireNonNull(blobs.get(blob.digest()));
    }

    Descriptor biggest() {
        return layers.stream().max((a, b) -> Long.compare(a.size(), b.size())).orElseThrow();
    }

    /** All blobs, the configuration included. */
    List<Descriptor> all() {
        List<Descriptor> all = new ArrayList<>(layers);
        all.add(config);
        return all;
    }

    void pushTo(ImageTarget target) throws IOException {
        for (Descriptor blob : all()) {
            target.putBlob(blob, () -> new ByteArrayInputStream(content(blob)));
        }
        target.putManifest(manifest.mediaType(), document, true);
    }
}
