package dev.rafter.registry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Digest;
import dev.rafter.oci.Index;
import dev.rafter.oci.MediaTypes;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What every {@link ImageTarget} must do. Each test writes to a place of its own. */
@Timeout(60)
abstract class ImageTargetContract {
    private static final TestImage IMAGE = TestImage.random(7, 1, 70_000, 2_500_000);

    /** Where to write; the same name is the same place. */
    abstract ImageTarget target(String name, String tag) throws IOException;

    abstract ImageSource source(String name, String tag) throws IOException;

    @Test
    void whatIsWrittenIsRead() throws Exception {
        try (ImageTarget target = target("whole", "1");
                ImageSource source = source("whole", "1")) {
            IMAGE.pushTo(target);
            assertEquals(IMAGE.manifest(), source.resolve());
            assertArrayEquals(IMAGE.document(), source.document(IMAGE.manifest()));
            for (Descriptor blob : IMAGE.all()) {
                assertTrue(target.hasBlob(blob));
                try (InputStream in = source.blob(blob)) {
                    assertArrayEquals(IMAGE.content(blob), in.readAllBytes());
                }
            }
        }
    }

    @Test
    void aBlobThatIsThereIsNotWrittenAgain() throws Exception {
        Descriptor blob = IMAGE.layers().get(1);
        AtomicInteger opened = new AtomicInteger();
        try (ImageTarget target = target("again", "1")) {
            assertFalse(target.hasBlob(blob));
            for (int i = 0; i < 3; i++) {
                target.putBlob(blob, () -> {
                    opened.incrementAndGet();
                    return new ByteArrayInputStream(IMAGE.content(blob));
                });
                assertTrue(target.hasBlob(blob));
            }
        }
        assertEquals(1, opened.get());
    }

    @Test
    void otherBytesThanThoseOfTheDigestAreRefused() throws Exception {
        Descriptor blob = IMAGE.layers().get(1);
        byte[] wrong = IMAGE.content(blob).clone();
        wrong[0] ^= 1;
        try (ImageTarget target = target("wrong", "1")) {
            assertThrows(IOException.class, () -> target.putBlob(blob, () -> new ByteArrayInputStream(wrong)));
            byte[] shorter = Arrays.copyOf(wrong, 1000);
            assertThrows(IOException.class, () -> target.putBlob(blob, () -> new ByteArrayInputStream(shorter)));
            assertThrows(
                    IOException.class,
                    () -> target.putBlob(blob, () -> {
                        throw new IOException("the content cannot be opened");
                    }));
            assertFalse(target.hasBlob(blob));
        }
    }

    @Test
    void aFileThatIsTakenOverIsRead(@TempDir Path directory) throws Exception {
        Descriptor blob = IMAGE.layers().get(1);
        Path file = Files.write(directory.resolve("blob"), IMAGE.content(blob));
        try (ImageTarget target = target("taken", "1");
                ImageSource source = source("taken", "1")) {
            target.takeBlob(blob, file);
            assertTrue(target.hasBlob(blob));
            for (Descriptor other : IMAGE.all()) {
                target.putBlob(other, () -> new ByteArrayInputStream(IMAGE.content(other)));
            }
            target.putManifest(MediaTypes.OCI_MANIFEST, IMAGE.document(), true);
            try (InputStream in = source.blob(blob)) {
                assertArrayEquals(IMAGE.content(blob), in.readAllBytes());
            }
        }
    }

    @Test
    void aTagMoves() throws Exception {
        TestImage other = TestImage.random(8, 10);
        try (ImageTarget target = target("moves", "t");
                ImageSource source = source("moves", "t")) {
            IMAGE.pushTo(target);
            other.pushTo(target);
            assertEquals(other.manifest(), source.resolve());
        }
    }

    @Test
    void anIndexNamesManifestsThatHaveNoTag() throws Exception {
        try (ImageTarget target = target("index", "multi");
                ImageSource source = source("index", "multi")) {
            for (Descriptor blob : IMAGE.all()) {
                target.putBlob(blob, () -> new ByteArrayInputStream(IMAGE.content(blob)));
            }
            Descriptor manifest = target.putManifest(MediaTypes.OCI_MANIFEST, IMAGE.document(), false);
            assertThrows(RegistryException.class, source::resolve);
            byte[] index = new Index(MediaTypes.OCI_INDEX, List.of(manifest)).toJson();
            Descriptor tagged = target.putManifest(MediaTypes.OCI_INDEX, index, true);
            assertEquals(new Descriptor(MediaTypes.OCI_INDEX, Digest.sha256(index), index.length), tagged);
            assertEquals(tagged, source.resolve());
            assertArrayEquals(IMAGE.document(), source.document(manifest));
        }
    }

    @Test
    void manyWriteAtOnce() throws Exception {
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Callable<Void>> writers = new ArrayList<>();
            for (int i = 0; i < 16; i++) {
                String tag = "t" + i;
                TestImage image = TestImage.random(100 + i, 5_000, 60_000);
                writers.add(() -> {
                    try (ImageTarget target = target("many", tag)) {
                        image.pushTo(target);
                        image.pushTo(target);
                    }
                    try (ImageSource source = source("many", tag)) {
                        assertEquals(image.manifest(), source.resolve());
                    }
                    return null;
                });
            }
            for (Future<Void> writer : threads.invokeAll(writers)) {
                writer.get();
            }
        }
    }
}
