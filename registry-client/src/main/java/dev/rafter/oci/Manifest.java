package dev.rafter.oci;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * An image manifest: a configuration and layers (OCI image specification, manifest.md; Docker image manifest v2, schema 2).
 *
 * @param schemaVersion 2
 * @param mediaType null where the document leaves it out, as OCI allows
 * @param artifactType null for images
 * @param layers the lowest first
 * @param subject the manifest that this one refers to, for referrers
 * @param annotations never null; empty is left out of the JSON form
 */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record Manifest(
        int schemaVersion,
        @Nullable String mediaType,
        @Nullable String artifactType,
        Descriptor config,
        @JsonInclude(JsonInclude.Include.ALWAYS) List<Descriptor> layers,
        @Nullable Descriptor subject,
        Map<String, String> annotations) {

    public Manifest {
        Documents.requireSchema2(schemaVersion, "manifest");
        if (mediaType != null && !MediaTypes.isManifest(mediaType)) {
            throw new IllegalArgumentException("the manifest has the media type \"" + mediaType + "\"");
        }
        Documents.require(config, "manifest", "config");
        layers = Documents.list(layers, "manifest", "layers");
        annotations = Documents.annotations(annotations);
    }

    /** An image manifest without annotations. */
    public Manifest(String mediaType, Descriptor config, List<Descriptor> layers) {
        this(2, mediaType, null, config, layers, null, Map.of());
    }

    /**
     * @param document which document this is, for messages
     * @throws DocumentException if it is none, or could be read as an index as well
     */
    public static Manifest parse(byte[] bytes, String document) throws DocumentException {
        JsonNode tree = Json.tree(bytes, document);
        if (tree.has("manifests")) {
            throw new DocumentException(
                    document, "is ambiguous: a manifest that has the field \"manifests\" of an index", null);
        }
        return Json.treeToValue(tree, Manifest.class, document);
    }

    /** The document, always the same bytes for the same value. */
    public byte[] toJson() {
        return Json.bytes(this);
    }
}
