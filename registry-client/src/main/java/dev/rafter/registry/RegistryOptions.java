package dev.rafter.registry;

import dev.rafter.registry.auth.CredentialSource;
import dev.rafter.registry.http.Backoff;
import dev.rafter.registry.http.HostSettings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * How registries are spoken to. Immutable; {@link #DEFAULTS} and the {@code with…} methods make them.
 *
 * @param credentials asked anew on every refusal
 * @param plainHttp HOST[:PORT]s that are spoken to without TLS; this machine itself is, unless {@code hosts} says something about it, or
 *     there are {@code authorities}
 * @param hosts TLS settings of single HOST[:PORT]s
 * @param authorities PEM files whose certificates are trusted for all hosts besides the system's
 * @param certsDirectory TLS files per host in containerd's layout, or null
 * @param connectTimeout for a connection to come up
 * @param readTimeout for the next byte
 * @param documentTimeout for a manifest or configuration, all attempts together
 * @param maxRequestsPerHost reads of blobs at a time from one host
 * @param documents how often and when requests for documents are tried again: somebody waits
 * @param blobs the same for blobs and uploads
 * @param ranges the same for ranges of blobs
 * @param uploadChunkBytes blobs whose upload broke are sent in chunks of this size
 */
public record RegistryOptions(
        CredentialSource credentials,
        Set<String> plainHttp,
        Map<String, HostSettings> hosts,
        List<Path> authorities,
        @Nullable Path certsDirectory,
        Duration connectTimeout,
        Duration readTimeout,
        Duration documentTimeout,
        int maxRequestsPerHost,
        Backoff.Policy documents,
        Backoff.Policy blobs,
        Backoff.Policy ranges,
        int uploadChunkBytes) {

    private static final Backoff.Policy PATIENT = new Backoff.Policy(8, 50, 10_000);

    /** No credentials, TLS with the system's authorities, what spec/registry.md recommends for the rest. */
    public static final RegistryOptions DEFAULTS = new RegistryOptions(
            CredentialSource.NONE,
            Set.of(),
            Map.of(),
            List.of(),
            null,
            Duration.ofSeconds(5),
            Duration.ofSeconds(10),
            Duration.ofSeconds(30),
            32,
            new Backoff.Policy(4, 50, 1_000),
            PATIENT,
            PATIENT,
            16 << 20);

    public RegistryOptions {
        plainHttp = Set.copyOf(plainHttp);
        hosts = Map.copyOf(hosts);
        authorities = List.copyOf(authorities);
        if (maxRequestsPerHost < 1 || uploadChunkBytes < 1) {
            throw new IllegalArgumentException(
                    "maxRequestsPerHost=" + maxRequestsPerHost + " uploadChunkBytes=" + uploadChunkBytes);
        }
    }

    /** Other credentials. */
    public RegistryOptions withCredentials(CredentialSource source) {
        return with(builder -> builder.credentials = source);
    }

    /** These hosts without TLS. */
    public RegistryOptions withPlainHttp(Set<String> plain) {
        return with(builder -> builder.plainHttp = plain);
    }

    /** TLS settings of single hosts. */
    public RegistryOptions withHosts(Map<String, HostSettings> settings) {
        return with(builder -> builder.hosts = settings);
    }

    /** More authorities for all hosts. */
    public RegistryOptions withAuthorities(List<Path> files) {
        return with(builder -> builder.authorities = files);
    }

    /** TLS files per host in containerd's layout. */
    public RegistryOptions withCertsDirectory(Path directory) {
        return with(builder -> builder.certsDirectory = directory);
    }

    /** Other times to wait. */
    public RegistryOptions withTimeouts(Duration connect, Duration read, Duration document) {
        return with(builder -> {
            builder.connectTimeout = connect;
            builder.readTimeout = read;
            builder.documentTimeout = document;
        });
    }

    /** Another limit of reads of blobs at a time from one host. */
    public RegistryOptions withMaxRequestsPerHost(int max) {
        return with(builder -> builder.maxRequestsPerHost = max);
    }

    /** Other policies for trying again. */
    public RegistryOptions withRetries(Backoff.Policy forDocuments, Backoff.Policy forBlobs) {
        return with(builder -> {
            builder.documents = forDocuments;
            builder.blobs = forBlobs;
            builder.ranges = forBlobs;
        });
    }

    /**
     * Few attempts at ranges, and short pauses: for whoever tries again himself, until the moment that the source is back, and has others to
     * ask.
     */
    public RegistryOptions withImpatientRanges() {
        return with(builder -> builder.ranges = new Backoff.Policy(2, 50, 1_000));
    }

    /** Another size of chunks of uploads. */
    public RegistryOptions withUploadChunkBytes(int bytes) {
        return with(builder -> builder.uploadChunkBytes = bytes);
    }

    private RegistryOptions with(Consumer<Builder> change) {
        Builder builder = new Builder(this);
        change.accept(builder);
        return builder.build();
    }

    private static final class Builder {
        CredentialSource credentials;
        Set<String> plainHttp;
        Map<String, HostSettings> hosts;
        List<Path> authorities;

        @Nullable
        Path certsDirectory;

        Duration connectTimeout;
        Duration readTimeout;
        Duration documentTimeout;
        int maxRequestsPerHost;
        Backoff.Policy documents;
        Backoff.Policy blobs;
        Backoff.Policy ranges;
        int uploadChunkBytes;

        Builder(RegistryOptions from) {
            credentials = from.credentials;
            plainHttp = from.plainHttp;
            hosts = from.hosts;
            authorities = from.authorities;
            certsDirectory = from.certsDirectory;
            connectTimeout = from.connectTimeout;
            readTimeout = from.readTimeout;
            documentTimeout = from.documentTimeout;
            maxRequestsPerHost = from.maxRequestsPerHost;
            documents = from.documents;
            blobs = from.blobs;
            ranges = from.ranges;
            uploadChunkBytes = from.uploadChunkBytes;
        }

        RegistryOptions build() {
            return new RegistryOptions(
                    credentials,
                    plainHttp,
                    hosts,
                    authorities,
                    certsDirectory,
                    connectTimeout,
                    readTimeout,
                    documentTimeout,
                    maxRequestsPerHost,
                    documents,
                    blobs,
                    ranges,
                    uploadChunkBytes);
        }
    }
}
