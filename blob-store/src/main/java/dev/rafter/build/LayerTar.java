package dev.rafter.build;

import dev.rafter.codec.CorruptFrameException;
import dev.rafter.codec.LayerDecompressor;
import dev.rafter.format.CorruptImageException;
import dev.rafter.format.tar.TarEntry;
import dev.rafter.format.tar.TarReader;
import java.io.IOException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/** Reads one layer: decompresses it, and gives its entries. Broken compression becomes an error of the image that names the layer. */
final class LayerTar implements AutoCloseable {
    private final String layer;
    private final InputStream decompressed;
    private final TarReader tar;

    private LayerTar(String layer, InputStream decompressed) {
        this.layer = layer;
        this.decompressed = decompressed;
        this.tar = new TarReader(decompressed, layer);
    }

    static LayerTar open(LayerSource source) throws IOException {
        InputStream stored = source.open();
        try {
            return new LayerTar(source.describe(), new ReadAhead(LayerDecompressor.open(stored)));
        } catch (CorruptFrameException e) {
            stored.close();
            throw corrupt(source.describe(), e);
        } catch (IOException | RuntimeException e) {
            stored.close();
            throw e;
        }
    }

    /** Takes an entry; it may read the contents. */
    interface Visitor {
        void visit(TarEntry entry, TarReader tar) throws IOException;
    }

    /** Reads the layer to its end. */
    void forEach(Visitor visitor) throws IOException {
        try {
            for (@Nullable TarEntry entry = tar.next(); entry != null; entry = tar.next()) {
                visitor.visit(entry, tar);
            }
        } catch (CorruptFrameException e) {
            throw corrupt(layer, e);
        }
    }

    private static CorruptImageException corrupt(String layer, CorruptFrameException e) {
        return new CorruptImageException(String.valueOf(e.getMessage()), layer, CorruptImageException.NO_OFFSET, e);
    }

    @Override
    public void close() throws IOException {
        decompressed.close();
    }
}
