package dev.rafter.snapshotter;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.rafter.oci.Digest;
import java.util.Map;
import java.util.Optional;

/** The labels that containerd gives a snapshot (pkg/snapshotters/annotations.go), and those that we add. */
public final class Labels {
    /** Only labels with this prefix pass between clients and a snapshotter. */
    public static final String PREFIX = "containerd.io/snapshot/";
    /** The chain ID that containerd wants the snapshot to have. */
    public static final String REF = "containerd.io/snapshot.ref";

    public static final String IMAGE_REF = PREFIX + "cri.image-ref";
    public static final String MANIFEST_DIGEST = PREFIX + "cri.manifest-digest";
    public static final String LAYER_DIGEST = PREFIX + "cri.layer-digest";
    public static final String UID_MAPPING = PREFIX + "uidmapping";
    public static final String GID_MAPPING = PREFIX + "gidmapping";
    /** On a RAFS image's data layers, from the layer's annotations. */
    public static final String NYDUS_BLOB = PREFIX + "nydus-blob";
    /** On a RAFS image's last layer, from the layer's annotations. */
    public static final String NYDUS_BOOTSTRAP = PREFIX + "nydus-bootstrap";
    /** Ours, on every image layer: "lazily", or "pulled: " and why. */
    public static final String SERVED = PREFIX + "rafter.served";

    /** Ours, on a layer whose files containerd has given the owners of a user namespace by itself. */
    static final String REMAPPED = PREFIX + "rafter.remapped";

    /** Ours, in the answer for an image layer that containerd believes in and that is not here: its name here. */
    static final String LOST = PREFIX + "rafter.lost";

    private static final int MAX_BYTES = 4096;

    private Labels() {}

    /** Which image layer is being unpacked, if the labels tell. */
    static Optional<ImageLayer> imageLayer(Map<String, String> labels) throws SnapshotException {
        String reference = labels.getOrDefault(IMAGE_REF, "");
        String manifest = labels.getOrDefault(MANIFEST_DIGEST, "");
        String layer = labels.getOrDefault(LAYER_DIGEST, "");
        if (reference.isEmpty() || manifest.isEmpty() || layer.isEmpty()) {
            return Optional.empty();
        }
        try {
            return Optional.of(new ImageLayer(reference, Digest.parse(manifest), Digest.parse(layer)));
        } catch (IllegalArgumentException e) {
            throw SnapshotException.invalid("labels of the image " + reference + ": " + e.getMessage());
        }
    }

    /** Whether the layer is of a RAFS image, which containerd cannot unpack. */
    public static boolean isRafs(Map<String, String> labels) {
        return labels.containsKey(NYDUS_BLOB) || labels.containsKey(NYDUS_BOOTSTRAP);
    }

    /** containerd stores labels of at most so many bytes, key and value together. */
    static void check(Map<String, String> labels) throws SnapshotException {
        for (Map.Entry<String, String> label : labels.entrySet()) {
            String key = label.getKey();
            int bytes = key.getBytes(UTF_8).length + label.getValue().getBytes(UTF_8).length;
            if (bytes > MAX_BYTES) {
                throw SnapshotException.invalid("label " + key.substring(0, Math.min(64, key.length()))
                        + ": key and value have " + bytes + " bytes, at most " + MAX_BYTES + " are allowed");
            }
        }
    }
}
