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
        @Nullable List<String> plainHttp,
        @Nullable List<String> caFiles,
        @Nullable String credentials) {

    public MountRequest {
        plainHttp = plainHttp == null ? List.of() : List.copyOf(plainHttp);
        caFiles = caFiles == null ? List.of() : List.copyOf(caFiles);
    }
}
