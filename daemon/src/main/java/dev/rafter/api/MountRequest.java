package dev.rafter.api;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What to mount where; also the lasting part of a mount's record.
 *
 * @param image the reference, with absolute paths
 * @param directory absolute path of the target
 * @param platform "os/architecture[/variant]"; null: this machine's
 * @param fill whether its blobs are completed while no reader waits; null: as the daemon is configured
 * @param plainHttp registries that are spoken to in plain HTTP besides the configured ones
 * @param caFiles further certificate authorities
 * @param credentials docker's config.json; null: as the daemon is configured
 */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record MountRequest(
        String image,
        String directory,
        @Nullable String platform,
        @Nullable Boolean fill,
        List<String> plainHttp,
        List<String> caFiles,
        @Nullable String credentials) {

    /** JSON may leave the lists out. */
    public MountRequest(
            String image,
            String directory,
            @Nullable String platform,
            @Nullable Boolean fill,
            @Nullable List<String> plainHttp,
            @Nullable List<String> caFiles,
            @Nullable String credentials) {
        this.image = image;
        this.directory = directory;
        this.platform = platform;
        this.fill = fill;
        this.plainHttp = plainHttp == null ? List.of() : List.copyOf(plainHttp);
        this.caFiles = caFiles == null ? List.of() : List.copyOf(caFiles);
        this.credentials = credentials;
    }

    /** The same at another path. */
    public MountRequest at(String otherDirectory) {
        return new MountRequest(image, otherDirectory, platform, fill, plainHttp, caFiles, credentials);
    }
}
