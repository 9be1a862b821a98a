package dev.rafter;

import dev.rafter.api.MountRequest;
import dev.rafter.config.Config;
import dev.rafter.fdstore.FdStore;
import dev.rafter.image.Folders;
import dev.rafter.image.ImageOpener;
import dev.rafter.image.ImageStore;
import dev.rafter.image.OpenedImage;
import dev.rafter.oci.Platform;
import dev.rafter.registry.ImageReference;
import dev.rafter.registry.ImageSource;
import dev.rafter.registry.Images;
import dev.rafter.registry.RegistryOptions;
import dev.rafter.registry.auth.CredentialSource;
import dev.rafter.registry.auth.DockerConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Puts the modules together as the configuration says. Everything is made when it is first asked for. */
public final class Wiring {
    private final Config config;
    private @Nullable Images images;
    /** Whether readers wait for ranges. */
    private boolean serving;

    public Wiring(Config config) {
        this.config = config;
    }

    public Config config() {
        return config;
    }

    /** The images that the configuration's registries, and this machine, have. */
    public synchronized Images images() {
        if (images == null) {
            images = new Images(registryOptions());
        }
        return images;
    }

    /** Opens what a reference names, as the configuration says. */
    public ImageSource source(ImageReference reference) throws IOException {
        return images().open(reference);
    }

    private RegistryOptions registryOptions() {
        Config.Registry registry = config.registry();
        CredentialSource credentials = registry.credentials()
                .<CredentialSource>map(DockerConfig::new)
                .orElseGet(() -> DockerConfig.ofUser(System.getenv()));
        RegistryOptions options = RegistryOptions.DEFAULTS
                .withCredentials(credentials)
                .withPlainHttp(Set.copyOf(registry.plainHttp()))
                .withAuthorities(registry.caFiles())
                .withMaxRequestsPerHost(registry.maxRequests());
        options = registry.certsDirectory().map(options::withCertsDirectory).orElse(options);
        return serving ? options.withImpatientRanges() : options;
    }

    /** What is done with an image. */
    public interface ImageUse<T> {
        T apply(OpenedImage image) throws IOException;
    }

    /** Lends an opened image whose metadata are kept in a directory of its own only as long as it is used. */
    public <T> T withImage(ImageReference reference, Platform platform, ImageUse<T> use) throws IOException {
        Path scratch = Files.createTempDirectory("rafter");
        try (OpenedImage image = new ImageOpener(this::source, ImageStore.open(scratch)).open(reference, platform)) {
            return use.apply(image);
        } finally {
            Folders.delete(scratch);
        }
    }

    /**
     * Lends an opened image for reading all of it in the order of its tree; the blobs of an image in a registry are kept in a directory of
     * their own meanwhile.
     *
     * @param work where that directory is made
     */
    public <T> T withWholeImage(ImageReference reference, Platform platform, Path work, ImageUse<T> use)
            throws IOException {
        if (!(reference instanceof ImageReference.Registry)) {
            return withImage(reference, platform, use);
        }
        Path spool = Files.createTempDirectory(work, "rafter-spool");
        try {
            return withImage(reference, platform, image -> use.apply(image.spooled(spool)));
        } finally {
            Folders.delete(spool);
        }
    }

    /** Runs the daemon until it is stopped; its exit code. */
    public int runDaemon(FdStore store) throws IOException {
        serving = true;
        return new Daemon(this, store).run();
    }

    /** Opens images as a request asks for, and as the configuration says where it does not. */
    ImageOpener opener(MountRequest request, ImageStore store) {
        RegistryOptions options = registryOptions();
        if (!request.plainHttp().isEmpty()) {
            options = options.withPlainHttp(Set.copyOf(request.plainHttp()));
        }
        if (!request.caFiles().isEmpty()) {
            options = options.withAuthorities(
                    request.caFiles().stream().map(Path::of).toList());
        }
        if (request.credentials() != null) {
            options = options.withCredentials(new DockerConfig(Path.of(request.credentials())));
        }
        boolean asConfigured =
                request.plainHttp().isEmpty() && request.caFiles().isEmpty() && request.credentials() == null;
        Images chosen = asConfigured ? images() : new Images(options);
        return new ImageOpener(chosen::open, store);
    }

    /** This program's version. */
    static String version() {
        String version = Wiring.class.getPackage().getImplementationVersion();
        return version == null ? "development" : version;
    }
}
