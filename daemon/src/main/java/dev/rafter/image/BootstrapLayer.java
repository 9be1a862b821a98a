package dev.rafter.image;

import dev.rafter.codec.CorruptFrameException;
import dev.rafter.codec.LayerDecompressor;
import dev.rafter.format.CorruptImageException;
import dev.rafter.format.tar.TarEntry;
import dev.rafter.format.tar.TarReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Takes the bootstrap out of the layer that carries it: a compressed tar with the regular file {@code image/image.boot}. Streaming, in
 * bounded memory, and bounded on disk by the layer's own size: nothing real compresses better than {@link #MAX_RATIO}.
 */
final class BootstrapLayer {
    static final String ENTRY = "image/image.boot";
    /** Reference tools refuse more. */
    static final long MAX_BOOTSTRAP_BYTES = 2L << 30;

    private static final int MAX_RATIO = 256;
    /** What small layers may expand to in any case: the chunks of a sparse file of 1 TiB, all the same, compress to nearly nothing. */
    private static final long ALWAYS_ALLOWED_BYTES = 64 << 20;

    private static final int BUFFER_BYTES = 64 << 10;
    private static final int MAX_ENTRIES = 10_000;
    private static final Pattern META = Pattern.compile("image/([0-9a-f]{64})\\.blob\\.meta");

    private final String resource;
    private final long layerBytes;
    private final long limitBytes;

    /**
     * @param resource the layer, for messages
     * @param layerBytes its compressed size
     */
    BootstrapLayer(String resource, long layerBytes) {
        this.resource = resource;
        this.layerBytes = layerBytes;
        limitBytes = Math.min(MAX_BOOTSTRAP_BYTES, Math.max(ALWAYS_ALLOWED_BYTES, layerBytes * MAX_RATIO));
    }

    /**
     * Writes the bootstrap, and chunk infos that come with it, into a directory of {@link ImageStore}, and reads the layer to its end,
     * so that a stream that verifies its digest has done so.
     *
     * @throws CorruptImageException if there is no bootstrap, or the layer is broken
     */
    void extract(InputStream layer, Path directory) throws IOException {
        try {
            extractFrom(layer, directory);
        } catch (CorruptFrameException e) {
            throw new CorruptImageException(
                    "is broken: " + e.getMessage(), resource, CorruptImageException.NO_OFFSET, e);
        }
    }

    private void extractFrom(InputStream layer, Path directory) throws IOException {
        InputStream tar = new LimitedInputStream(LayerDecompressor.open(layer), 2 * limitBytes, resource);
        TarReader entries = new TarReader(tar, resource);
        Set<Path> written = new HashSet<>();
        int count = 0;
        for (TarEntry entry = entries.next(); entry != null; entry = entries.next()) {
            if (++count > MAX_ENTRIES) {
                throw corrupt("has more than " + MAX_ENTRIES + " entries");
            }
            Path target = target(entry.name(), directory);
            if (target != null && written.add(target)) {
                write(entry, entries, target);
            }
        }
        if (!written.contains(ImageStore.bootstrap(directory))) {
            throw corrupt("has no " + ENTRY);
        }
        tar.transferTo(OutputStream.nullOutputStream());
        layer.transferTo(OutputStream.nullOutputStream());
    }

    private static @Nullable Path target(String name, Path directory) {
        if (name.equals(ENTRY)) {
            return ImageStore.bootstrap(directory);
        }
        Matcher meta = META.matcher(name);
        return meta.matches() ? ImageStore.meta(directory, meta.group(1)) : null;
    }

    private void write(TarEntry entry, TarReader entries, Path target) throws IOException {
        if (!entry.hasContents()) {
            throw corrupt(entry.name() + " is no regular file");
        }
        if (entry.size() > limitBytes) {
            throw corrupt(entry.name() + " has " + entry.size() + " bytes, more than the " + limitBytes
                    + " that a layer of " + layerBytes + " bytes can sensibly hold");
        }
        byte[] buffer = new byte[BUFFER_BYTES];
        try (OutputStream out = Files.newOutputStream(target)) {
            for (int count = entries.read(buffer, 0, buffer.length);
                    count >= 0;
                    count = entries.read(buffer, 0, buffer.length)) {
                out.write(buffer, 0, count);
            }
        }
    }

    private CorruptImageException corrupt(String problem) {
        return new CorruptImageException(problem, resource, CorruptImageException.NO_OFFSET);
    }
}
