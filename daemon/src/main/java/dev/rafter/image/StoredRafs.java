package dev.rafter.image;

import dev.rafter.blob.ChunkMap;
import dev.rafter.fetch.BlobSource;
import dev.rafter.format.rafs.RafsBlob;
import dev.rafter.format.rafs.RafsBootstrap;
import dev.rafter.oci.Digest;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/** A RAFS image in the store: makes the devices out of the bootstrap and the chunk infos that were kept with it. */
final class StoredRafs {
    private static final String ZRAN =
            "its data stay in the gzip layers of the original image (zran), which cannot be read yet;"
                    + " its tree can be listed. Convert the original image instead: rafter convert SOURCE TARGET";

    private final Path directory;
    private final String name;

    StoredRafs(Path directory, String name) {
        this.directory = directory;
        this.name = name;
    }

    /** A blob's stored bytes. */
    record Stored(BlobSource source, long sizeBytes) {}

    /** Finds blobs. */
    interface Blobs {
        Stored find(RafsBlob blob) throws IOException;
    }

    /** Takes a parsed bootstrap. */
    interface Use<T> {
        T apply(RafsBootstrap bootstrap) throws IOException;
    }

    Path bootstrap() {
        return ImageStore.bootstrap(directory);
    }

    /** Lends the parsed bootstrap, if what it says of its chunks fits into memory. */
    <T> T with(Use<T> use) throws IOException {
        try (Arena arena = Arena.ofConfined();
                FileChannel file = FileChannel.open(bootstrap(), StandardOpenOption.READ)) {
            MemorySegment bytes = file.map(FileChannel.MapMode.READ_ONLY, 0, file.size(), arena);
            String resource = "bootstrap of " + name;
            return ChunkMemory.with(
                    RafsBootstrap.countChunks(bytes, resource),
                    name,
                    () -> use.apply(RafsBootstrap.parse(bytes, resource)));
        }
    }

    List<ImageDevice> devices(Blobs blobs) throws IOException {
        return with(bootstrap -> {
            List<ImageDevice> devices = new ArrayList<>();
            for (RafsBlob blob : bootstrap.blobs()) {
                devices.add(device(bootstrap, blob, blobs.find(blob)));
            }
            return devices;
        });
    }

    private ImageDevice device(RafsBootstrap bootstrap, RafsBlob blob, Stored stored) throws IOException {
        if (blob.isZran()) {
            return new ImageDevice.Missing(ZRAN);
        }
        return new ImageDevice.Lazy(
                new Digest("sha256", blob.id()), stored.sizeBytes(), chunks(bootstrap, blob, stored), stored.source());
    }

    private ChunkMap chunks(RafsBootstrap bootstrap, RafsBlob blob, Stored stored) throws IOException {
        String resource = "bootstrap of " + name;
        if (!bootstrap.needsMeta(blob)) {
            return ChunkMaps.of(bootstrap, blob, null, resource);
        }
        return BlobMetas.with(
                blob,
                ImageStore.meta(directory, blob.id()),
                stored.source().describe(),
                meta -> ChunkMaps.of(bootstrap, blob, meta, resource));
    }
}
