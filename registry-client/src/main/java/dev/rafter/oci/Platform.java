package dev.rafter.oci;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What an image runs on (OCI image specification, image-index.md). */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record Platform(
        String architecture,
        String os,
        @JsonProperty("os.version") @Nullable String osVersion,
        @JsonProperty("os.features") @Nullable List<String> osFeatures,
        @Nullable String variant) {

    public Platform {
        Documents.require(architecture, "platform", "architecture");
        Documents.require(os, "platform", "os");
        osFeatures = osFeatures == null ? null : List.copyOf(osFeatures);
    }

    /**
     * {@code OS/ARCHITECTURE[/VARIANT]}, as people write it.
     *
     * @throws IllegalArgumentException if it has another form
     */
    public static Platform parse(String text) {
        String[] parts = text.split("/", -1);
        if (parts.length < 2 || parts.length > 3 || List.of(parts).contains("")) {
            throw new IllegalArgumentException(
                    "not a platform: \"" + text + "\" (OS/ARCHITECTURE[/VARIANT], as linux/amd64)");
        }
        return new Platform(parts[1], parts[0], null, null, parts.length == 3 ? parts[2] : null);
    }

    /** The platform of this machine. */
    public static Platform current() {
        String machine = System.getProperty("os.arch");
        return switch (machine) {
            case "amd64", "x86_64" -> new Platform("amd64", "linux", null, null, null);
            case "aarch64", "arm64" -> new Platform("arm64", "linux", null, null, null);
            default -> new Platform(machine, "linux", null, null, null);
        };
    }

    /** Whether an image for this platform serves somebody who asked for {@code wanted}; arm64 without a variant is arm64/v8. */
    public boolean matches(Platform wanted) {
        return os.equals(wanted.os)
                && architecture.equals(wanted.architecture)
                && variantOrDefault().equals(wanted.variantOrDefault());
    }

    private String variantOrDefault() {
        if (variant != null) {
            return variant;
        }
        return architecture.equals("arm64") ? "v8" : "";
    }

    @Override
    public String toString() {
        return os + "/" + architecture + (variant == null ? "" : "/" + variant);
    }
}
