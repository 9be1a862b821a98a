package dev.rafter.snapshotter;

import dev.rafter.oci.Digest;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A committed snapshot's name that tells an image layer's chain ID: {@code NAMESPACE/NUMBER/CHAIN} as containerd makes them, or {@code
 * CHAIN} and {@code CHAIN#NUMBER}, which we give to layers that are served lazily. Names mean nothing as long as all is well; of one that
 * was lost, the name is all there is.
 */
record LayerName(String name, String chainId) {
    private static final Pattern FORM = Pattern.compile("(?:[^/]+/[0-9]+/)?(sha256:[0-9a-f]{64})(?:#[0-9]+)?");

    static Optional<LayerName> of(String name) {
        Matcher form = FORM.matcher(name);
        return form.matches() ? Optional.of(new LayerName(name, form.group(1))) : Optional.empty();
    }

    /** Whether a layer with these contents, on top of that parent, is the one that this name means. */
    boolean isOf(Digest diffId, Optional<LayerName> parent) {
        Digest expected = parent.map(
                        below -> Digest.sha256((below.chainId() + " " + diffId).getBytes(StandardCharsets.UTF_8)))
                .orElse(diffId);
        return chainId.equals(expected.toString());
    }
}
