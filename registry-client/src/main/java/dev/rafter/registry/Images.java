package dev.rafter.registry;

import dev.rafter.registry.http.CertsDirectory;
import dev.rafter.registry.http.HostSettings;
import dev.rafter.registry.http.OkHttpEngine;
import dev.rafter.registry.http.Urls;
import dev.rafter.registry.layout.ArchiveSources;
import dev.rafter.registry.layout.LayoutSource;
import dev.rafter.registry.layout.LayoutTarget;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Opens images wherever they are. One object serves a whole program: sources and targets share connections, tokens and what is known
 * about hosts. Thread safe. Sources stay usable until this is closed.
 */
public final class Images implements AutoCloseable {
    private static final String USER_AGENT = "rafter/0.1";

    /** Where the API of docker.io is. */
    private static final String HUB_HOST = "registry-1.docker.io";

    private final RegistryOptions options;
    private @Nullable OkHttpEngine engine;
    private final Map<String, RegistryHost> hosts = new ConcurrentHashMap<>();

    public Images(RegistryOptions options) {
        this.options = options;
    }

    /** Made for the first registry: files need none, and it takes a while. */
    private synchronized OkHttpEngine engine() {
        if (engine == null) {
            engine = new OkHttpEngine(new OkHttpEngine.Options(
                    options.connectTimeout(),
                    options.readTimeout(),
                    options.maxRequestsPerHost(),
                    USER_AGENT,
                    this::tlsSettings));
        }
        return engine;
    }

    /**
     * @throws IOException if there is no such directory or archive, or it is none; a registry is asked nothing yet
     */
    public ImageSource open(ImageReference reference) throws IOException {
        return switch (reference) {
            case ImageReference.Registry registry ->
                new RegistrySource(
                        registry.reference(), host(registry.reference().host()), options);
            case ImageReference.Layout layout -> LayoutSource.openDirectory(layout);
            case ImageReference.DockerArchive archive -> ArchiveSources.open(archive);
            case ImageReference.Erofs erofs ->
                throw unfit(erofs, "is one image file, not a place of manifests and blobs");
        };
    }

    /**
     * Where an image can be written: a registry, or a layout directory, which is made if there is none.
     *
     * @throws IOException if the directory cannot be made
     */
    public ImageTarget target(ImageReference reference) throws IOException {
        return switch (reference) {
            case ImageReference.Registry registry ->
                new RegistryTarget(
                        registry.reference(), host(registry.reference().host()), options);
            case ImageReference.Layout layout -> LayoutTarget.create(layout);
            case ImageReference.DockerArchive archive -> throw unfit(archive, "cannot be written: write to oci:DIR");
            case ImageReference.Erofs erofs -> throw unfit(erofs, "cannot be written: write to oci:DIR");
        };
    }

    private static IllegalArgumentException unfit(ImageReference reference, String why) {
        return new IllegalArgumentException(reference.display() + " " + why);
    }

    private RegistryHost host(String host) {
        return hosts.computeIfAbsent(host, name -> new RegistryHost(name, base(name), engine(), options));
    }

    private URI base(String host) {
        if (host.equals("docker.io")) {
            return URI.create("https://" + HUB_HOST);
        }
        boolean plain = options.plainHttp().contains(host)
                || (Urls.isLoopback(host)
                        && ownSettings(host).isEmpty()
                        && options.authorities().isEmpty());
        return URI.create((plain ? "http://" : "https://") + host);
    }

    /** What was said about a host, under the name that people use. */
    private Optional<HostSettings> ownSettings(String asked) {
        String host = asked.equals(HUB_HOST) ? "docker.io" : asked;
        HostSettings explicit = options.hosts().get(host);
        Path directory = options.certsDirectory();
        if (explicit != null || directory == null) {
            return Optional.ofNullable(explicit);
        }
        try {
            return CertsDirectory.settings(directory, host);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + directory + ": " + e.getMessage(), e);
        }
    }

    private HostSettings tlsSettings(String host) {
        HostSettings own = ownSettings(host).orElse(HostSettings.DEFAULT);
        List<Path> authorities = new ArrayList<>(own.authorities());
        authorities.addAll(options.authorities());
        return new HostSettings(authorities, own.clientCertificates(), own.skipVerify());
    }

    @Override
    public synchronized void close() {
        if (engine != null) {
            engine.close();
        }
    }
}
