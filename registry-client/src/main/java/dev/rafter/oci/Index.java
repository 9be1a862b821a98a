package dev.rafter.oci;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A list of manifests, one per platform (OCI image specification, image-index.md; Docker manifest list).
 *
 * @param schemaVersion 2
 * @param mediaType null where the document leaves it out, as OCI allows
 * @param annotations never null; empty is left out of the JSON form
 */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record Index(
        int schemaVersion,
        @Nullable String mediaType,
        @Nullable String artifactType,
        @JsonInclude(JsonInclude.Include.ALWAYS) List<Descriptor> manifests,
        @Nullable Descriptor subject,
        Map<String, String> annotations) {

    public Index {
        Documents.requireSchema2(schemaVersion, "index");
        if (mediaType != null && !MediaTypes.isIndex(mediaType)) {
            throw new IllegalArgumentException("the index has the media type \"" + mediaType + "\"");
        }
        manifests = Documents.list(manifests, "index", "manifests");
        annotations = Documents.annotations(annotations);
    }

    /** An index without annotations. */
    public Index(String mediaType, List<Descriptor> manifests) {
        this(2, mediaType, null, manifests, null, Map.of());
    }

    /**
     * @param document which document this is, for messages
     * @throws DocumentException if it is none, or could be read as a manifest as well
     */
    public static Index parse(byte[] bytes, String document) throws DocumentException {
        JsonNode tree = Json.tree(bytes, document);
        for (String field : List.of("config", "layers")) {
            if (tree.has(field)) {
                throw new DocumentException(
                        document, "is ambiguous: an index that has the field \"" + field + "\" of a manifest", null);
            }
        }
        return Json.treeToValue(tree, Index.class, document);
    }

    /** The first manifest for this platform; attestations and other entries of unknown platform are no images. */
    public Optional<Descriptor> forPlatform(Platform wanted) {
        return manifests.stream()
                .filter(entry -> entry.platform() != null && entry.platform().matches(wanted))
                .findFirst();
    }

    /** The document, always the same bytes for the same value. */
    public byte[] toJson() {
        return Json.bytes(this);
    }
}
