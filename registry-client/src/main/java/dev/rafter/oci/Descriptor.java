package dev.rafter.oci;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A typed reference to a blob or document (OCI image specification, descriptor.md).
 *
 * @param size bytes, not negative
 * @param annotations never null; empty is left out of the JSON form
 */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record Descriptor(
        String mediaType,
        Digest digest,
        @JsonInclude(JsonInclude.Include.ALWAYS) long size,
        Map<String, String> annotations,
        @Nullable Platform platform,
        @Nullable String artifactType) {

    public Descriptor {
        Documents.require(mediaType, "descriptor", "mediaType");
        Documents.require(digest, "descriptor", "digest");
        if (size < 0) {
            throw new IllegalArgumentException("descriptor of " + digest + " has the negative size " + size);
        }
        annotations = Documents.annotations(annotations);
    }

    /** A descriptor without annotations. */
    public Descriptor(String mediaType, Digest digest, long size) {
        this(mediaType, digest, size, Map.of(), null, null);
    }

    /** This descriptor with other annotations. */
    public Descriptor withAnnotations(Map<String, String> replacement) {
        return new Descriptor(mediaType, digest, size, replacement, platform, artifactType);
    }

    /** This descriptor saying what its image runs on. */
    public Descriptor withPlatform(@Nullable Platform replacement) {
        return new Descriptor(mediaType, digest, size, annotations, replacement, artifactType);
    }
}
