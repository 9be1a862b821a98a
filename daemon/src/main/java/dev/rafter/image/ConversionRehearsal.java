package dev.rafter.image;

import dev.rafter.build.BuildOptions;
import dev.rafter.build.ChunkDictionary;
import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Digest;
import dev.rafter.registry.ImageSource;
import dev.rafter.registry.ImageTarget;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * Converts a few files of no account on a thread of its own, while the command line is read: what a conversion needs is loaded and linked
 * on a core that has nothing else to do, which takes as long as converting 30 MB. A failure matters to nobody.
 */
public final class ConversionRehearsal implements AutoCloseable {
    private final Thread thread =
            Thread.ofPlatform().daemon().name("rafter-rehearsal").unstarted(ConversionRehearsal::rehearse);

    private ConversionRehearsal() {}

    public static ConversionRehearsal start() {
        ConversionRehearsal rehearsal = new ConversionRehearsal();
        rehearsal.thread.start();
        return rehearsal;
    }

    private static void rehearse() {
        Path temporary = Path.of(System.getProperty("java.io.tmpdir"));
        try (RehearsalImage source = new RehearsalImage(1);
                ImageTarget target = new Nowhere()) {
            new ImageConverter(BuildOptions.DEFAULTS, new ChunkDictionary(), List.of(), temporary, _ -> {})
                    .convert(source, null, target);
        } catch (IOException | RuntimeException _) {
            // the conversion itself says what is wrong
        }
    }

    /** Waits for its end, so that it leaves nothing behind: it is short. */
    @Override
    public void close() {
        try {
            thread.join(Duration.ofSeconds(10));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static final class Nowhere implements ImageTarget {
        @Override
        public String describe() {
            return "nowhere";
        }

        @Override
        public boolean hasBlob(Descriptor descriptor) {
            return false;
        }

        @Override
        public boolean mountBlob(Descriptor descriptor, ImageSource from) {
            return false;
        }

        @Override
        public void putBlob(Descriptor descriptor, Content content) {
            // the files go with the work directory
        }

        @Override
        public Descriptor putManifest(String mediaType, byte[] document, boolean tagged) {
            return new Descriptor(mediaType, Digest.sha256(document), document.length);
        }

        @Override
        public void close() {
            // nothing is open
        }
    }
}
