package dev.rafter.image;

import dev.rafter.format.rafs.RafsBlob;
import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Digest;
import dev.rafter.oci.MediaTypes;
import dev.rafter.registry.ImageSource;
import dev.rafter.registry.VerifyingInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Brings a RAFS image's metadata from its source to the node: the bootstrap, validated, and chunk infos where they are needed. */
final class RafsFetch {
    private static final Duration META_TIMEOUT = Duration.ofMinutes(2);

    private final ImageSource source;
    private final String name;
    private final ResolvedImage resolved;

    RafsFetch(ImageSource source, String name, ResolvedImage resolved) {
        this.source = source;
        this.name = name;
        this.resolved = resolved;
    }

    /** Writes the image into a directory. */
    StoredImage write(Path directory) throws IOException {
        Descriptor layer = ImageKind.bootstrapLayer(resolved.manifest()).orElseThrow();
        Path file = ImageStore.bootstrap(directory);
        String resource = "bootstrap layer " + layer.digest() + " of " + name;
        try (InputStream stream = new PacedInputStream(open(layer, resource), resource)) {
            new BootstrapLayer(resource, layer.size()).extract(stream, directory);
        }
        List<Descriptor> blobs = new StoredRafs(directory, name).with(bootstrap -> {
            bootstrap.validate();
            List<Descriptor> found = new ArrayList<>();
            for (RafsBlob blob : bootstrap.blobs()) {
                Descriptor descriptor = descriptor(blob);
                Path meta = ImageStore.meta(directory, blob.id());
                if (!BlobMetas.areNeeded(bootstrap, blob)) {
                    Files.deleteIfExists(meta);
                } else if (Files.notExists(meta)) {
                    BlobMetas.fetch(blob, new SourceBlob(source, descriptor), meta, META_TIMEOUT);
                }
                found.add(descriptor);
            }
            return found;
        });
        return new StoredImage(
                name,
                resolved.descriptor().digest(),
                resolved.kind(),
                Digests.ofFile(file),
                Files.size(file),
                resolved.manifest().layers().stream().map(Descriptor::digest).toList(),
                blobs);
    }

    /** What waits for it holds up all that is asked of the image: it has a deadline from its first byte on, too. */
    private InputStream open(Descriptor layer, String resource) throws IOException {
        if (layer.size() == 0) {
            return source.blob(layer);
        }
        ReadableByteChannel all = source.range(layer, 0, layer.size(), PacedInputStream.longest(layer.size()));
        return new VerifyingInputStream(Channels.newInputStream(all), layer, resource);
    }

    /** The blob as the manifest names it; a blob of a chunk dictionary that it does not name is in the same repository. */
    private Descriptor descriptor(RafsBlob blob) {
        Digest digest = new Digest("sha256", blob.id());
        return resolved.manifest().layers().stream()
                .filter(layer -> layer.digest().equals(digest))
                .findFirst()
                .orElseGet(() -> new Descriptor(MediaTypes.NYDUS_BLOB, digest, blob.storedSizeBytes()));
    }
}
