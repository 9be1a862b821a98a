package dev.rafter.build;

import dev.rafter.format.rafs.DecodedDevice;
import dev.rafter.format.rafs.RafsBlob;
import dev.rafter.format.rafs.RafsBootstrap;
import dev.rafter.format.rafs.RafsBootstrapLayer;
import dev.rafter.format.tar.TarEntry;
import dev.rafter.format.tar.TarReader;
import dev.rafter.testkit.ImageTree;
import dev.rafter.testkit.Tree;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPInputStream;

/** Reads back what was built, every structure validated, every chunk's digest checked. */
final class BuiltTree {
    private BuiltTree() {}

    static RafsBootstrap bootstrap(Path layer) throws IOException {
        try (InputStream in = new GZIPInputStream(Files.newInputStream(layer))) {
            TarReader tar = new TarReader(in, "bootstrap layer");
            for (TarEntry entry = tar.next(); entry != null; entry = tar.next()) {
                if (entry.name().equals(RafsBootstrapLayer.BOOTSTRAP_PATH)) {
                    byte[] bytes = new byte[Math.toIntExact(entry.size())];
                    for (int n = 0; n < bytes.length; ) {
                        n += tar.read(bytes, n, bytes.length - n);
                    }
                    RafsBootstrap bootstrap =
                            RafsBootstrap.parse(Arena.ofAuto().allocateFrom(ValueLayout.JAVA_BYTE, bytes), "bootstrap");
                    bootstrap.validate();
                    return bootstrap;
                }
            }
        }
        throw new IOException("no bootstrap in its layer");
    }

    /** @param blobs files of blobs by digest */
    static Tree of(RafsBootstrap bootstrap, Map<String, Path> blobs) throws IOException {
        List<MemorySegment> devices = new ArrayList<>();
        for (RafsBlob blob : bootstrap.blobs()) {
            Path file = blobs.get(blob.id());
            if (file == null) {
                throw new IOException("no blob " + blob.id());
            }
            devices.add(MemorySegment.ofArray(DecodedDevice.decode(bootstrap, blob, Files.readAllBytes(file))));
        }
        return ImageTree.of(bootstrap.filesystem(), devices);
    }
}
