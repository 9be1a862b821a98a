package dev.rafter.oci;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The configuration of an image: what it runs on, what a container of it runs, and the digests of its decompressed layers (OCI image
 * specification, config.md; Docker's is the same). Immutable. Fields that are not named here are kept: they come out again, in their
 * place, when a configuration is written for a converted image.
 */
public final class ImageConfig {
    /**
     * What a container of the image runs, as far as the image says.
     *
     * @param env "NAME=value" each
     */
    public record Execution(
            @JsonProperty("User") @Nullable String user,
            @JsonProperty("Entrypoint") @Nullable List<String> entrypoint,
            @JsonProperty("Cmd") @Nullable List<String> cmd,
            @JsonProperty("Env") @Nullable List<String> env,
            @JsonProperty("WorkingDir") @Nullable String workingDir,
            @JsonProperty("Labels") @Nullable Map<String, String> labels) {

        public Execution {
            entrypoint = Documents.list(entrypoint, "image configuration", "config.Entrypoint");
            cmd = Documents.list(cmd, "image configuration", "config.Cmd");
            env = Documents.list(env, "image configuration", "config.Env");
            labels = Documents.annotations(labels);
        }

        /** The command of a container that is told nothing else: entry point and arguments. */
        public List<String> command() {
            List<String> command = new ArrayList<>(Objects.requireNonNull(entrypoint));
            command.addAll(Objects.requireNonNull(cmd));
            return List.copyOf(command);
        }
    }

    /** One step in the making of the image; each step that is no {@code emptyLayer} made one layer. */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record History(
            @Nullable String created,
            @JsonProperty("created_by") @Nullable String createdBy,
            @Nullable String author,
            @Nullable String comment,
            @JsonProperty("empty_layer") @Nullable Boolean emptyLayer) {
        /** Whether this step made a layer. */
        public boolean madeLayer() {
            return emptyLayer == null || !emptyLayer;
        }
    }

    private final ObjectNode tree;
    private final Platform platform;
    private final Execution execution;
    private final List<Digest> diffIds;
    private final List<History> history;

    private ImageConfig(ObjectNode tree, String document) throws DocumentException {
        this.tree = tree;
        this.platform = Json.treeToValue(tree, Platform.class, document);
        this.execution = tree.path("config").isObject()
                ? Json.treeToValue(tree.path("config"), Execution.class, document)
                : new Execution(null, null, null, null, null, null);
        this.diffIds = list(tree.path("rootfs").path("diff_ids"), Digest.class, document, "rootfs.diff_ids");
        this.history = list(tree.path("history"), History.class, document, "history");
    }

    /**
     * @param document which document this is, for messages
     * @throws DocumentException if it is no image configuration
     */
    public static ImageConfig parse(byte[] bytes, String document) throws DocumentException {
        if (!(Json.tree(bytes, document) instanceof ObjectNode tree)) {
            throw new DocumentException(document, "is not a JSON object", null);
        }
        return new ImageConfig(tree, document);
    }

    public Platform platform() {
        return platform;
    }

    public Execution execution() {
        return execution;
    }

    /** Digests of the decompressed layers, the lowest first. */
    public List<Digest> diffIds() {
        return diffIds;
    }

    public List<History> history() {
        return history;
    }

    /** This configuration for other layers; all else stays. */
    public ImageConfig withLayers(List<Digest> newDiffIds, List<History> newHistory) {
        ObjectNode copy = tree.deepCopy();
        ObjectNode rootfs = copy.withObject("/rootfs");
        rootfs.put("type", "layers");
        ArrayNode ids = rootfs.putArray("diff_ids");
        newDiffIds.forEach(id -> ids.add(id.toString()));
        copy.remove("history");
        if (!newHistory.isEmpty()) {
            ArrayNode steps = copy.putArray("history");
            newHistory.forEach(step -> steps.add(Json.valueToTree(step)));
        }
        try {
            return new ImageConfig(copy, "image configuration");
        } catch (DocumentException e) {
            throw new IllegalArgumentException(e);
        }
    }

    /** The document, always the same bytes for the same value. */
    public byte[] toJson() {
        return Json.bytes(tree);
    }

    private static <T> List<T> list(JsonNode array, Class<T> type, String document, String field)
            throws DocumentException {
        if (array.isMissingNode() || array.isNull()) {
            return List.of();
        }
        if (!array.isArray() || array.size() > Documents.MAX_ENTRIES) {
            throw new DocumentException(
                    document, field + " is not a list of at most " + Documents.MAX_ENTRIES + " entries", null);
        }
        List<T> values = new ArrayList<>(array.size());
        for (JsonNode element : array) {
            values.add(Json.treeToValue(element, type, document));
        }
        return List.copyOf(values);
    }
}
