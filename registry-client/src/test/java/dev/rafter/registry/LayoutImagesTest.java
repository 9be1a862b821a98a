package dev.rafter.registry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Index;
import dev.rafter.oci.MediaTypes;
import dev.rafter.oci.Platform;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Both contracts on OCI layout directories, and what is special about them. */
class LayoutImagesTest {
    @TempDir
    static Path directory;

    private static Images images;

    @BeforeAll
    static void start() throws IOException {
        images = new Images(RegistryOptions.DEFAULTS);
        try (ImageTarget target = images.target(reference("source", "1"))) {
            ImageSourceContract.IMAGE.pushTo(target);
        }
    }

    @AfterAll
    static void stop() {
        images.close();
    }

    private static ImageReference reference(String name, String tag) {
        return ImageReference.parse("oci:" + directory.resolve(name) + (tag.isEmpty() ? "" : ":" + tag));
    }

    @Nested
    class AsSource extends ImageSourceContract {
        @Override
        ImageSource open() throws IOException {
            return images.open(reference("source", "1"));
        }

        @Override
        ImageSource openUnknown() throws IOException {
            return images.open(reference("source", "none"));
        }
    }

    @Nested
    class AsTarget extends ImageTargetContract {
        @Override
        ImageTarget target(String name, String tag) throws IOException {
            return images.target(reference(name, tag));
        }

        @Override
        ImageSource source(String name, String tag) throws IOException {
            return images.open(reference(name, tag));
        }
    }

    @Test
    void withoutATagTheOnlyImageIsMeant() throws Exception {
        TestImage one = TestImage.random(1, 100);
        one.pushTo(images.target(reference("only", "")));
        assertEquals(one.manifest(), images.open(reference("only", "")).resolve());
        TestImage.random(2, 100).pushTo(images.target(reference("only", "")));
        assertEquals(
                TestImage.random(2, 100).manifest(),
                images.open(reference("only", "")).resolve());
        one.pushTo(images.target(reference("only", "tagged")));
        ImageSource two = images.open(reference("only", ""));
        RegistryException e = assertThrows(RegistryException.class, two::resolve);
        assertTrue(e.getMessage().contains("tagged") && e.getMessage().contains("which"), e.getMessage());
    }

    @Test
    void manifestsOfOneNameForSeveralPlatformsAreAnIndex() throws Exception {
        TestImage amd64 = TestImage.random(1, 100);
        TestImage arm64 = TestImage.random(2, 100);
        amd64.pushTo(images.target(reference("platforms", "")));
        arm64.pushTo(images.target(reference("platforms", "")));
        List<Descriptor> manifests = List.of(
                amd64.manifest().withPlatform(Platform.parse("linux/amd64")),
                arm64.manifest().withPlatform(Platform.parse("linux/arm64")));
        Files.write(directory.resolve("platforms/index.json"), new Index(MediaTypes.OCI_INDEX, manifests).toJson());
        ImageSource source = images.open(reference("platforms", ""));
        Descriptor resolved = source.resolve();
        assertEquals(MediaTypes.OCI_INDEX, resolved.mediaType());
        assertEquals(manifests, Index.parse(source.document(resolved), "index").manifests());
    }

    @Test
    void nothingHalfWrittenStays() throws Exception {
        TestImage image = TestImage.random(3, 1000);
        ImageTarget target = images.target(reference("half", "1"));
        Descriptor layer = image.layers().getFirst();
        assertThrows(
                IOException.class, () -> target.putBlob(layer, () -> new java.io.ByteArrayInputStream(new byte[1000])));
        try (Stream<Path> files = Files.list(directory.resolve("half/blobs/sha256"))) {
            assertEquals(List.of(), files.toList());
        }
    }

    @Test
    void aFileThatIsTakenOverIsMovedWithTheRightsOfABlob() throws Exception {
        TestImage image = TestImage.random(3, 1000);
        Descriptor layer = image.layers().getFirst();
        Path file = Files.write(directory.resolve("file"), image.content(layer));
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
        ImageTarget target = images.target(reference("taken", "1"));
        target.takeBlob(layer, file);
        assertFalse(Files.exists(file));
        Path blob = directory.resolve("taken/blobs/sha256/" + layer.digest().hex());
        assertArrayEquals(image.content(layer), Files.readAllBytes(blob));
        assertEquals("rw-r--r--", PosixFilePermissions.toString(Files.getPosixFilePermissions(blob)));
        Path shorter = Files.write(directory.resolve("shorter"), new byte[10]);
        Files.delete(blob);
        assertThrows(IllegalArgumentException.class, () -> target.takeBlob(layer, shorter));
        assertFalse(target.hasBlob(layer));
    }

    @Test
    void anIndexThatIsReplacedIsReadOldOrNew() throws Exception {
        TestImage image = TestImage.random(4, 100);
        image.pushTo(images.target(reference("replaced", "1")));
        Path index = directory.resolve("replaced/index.json");
        byte[] small = Files.readAllBytes(index);
        TestImage.random(5, 100).pushTo(images.target(reference("replaced", "2")));
        byte[] big = Files.readAllBytes(index);
        try (ExecutorService thread = Executors.newSingleThreadExecutor();
                ImageSource source = images.open(reference("replaced", "1"))) {
            Future<?> writer = thread.submit(() -> {
                Path other = directory.resolve("other");
                for (int i = 0; i < 3_000; i++) {
                    Files.write(other, i % 2 == 0 ? small : big);
                    Files.move(other, index, StandardCopyOption.ATOMIC_MOVE);
                }
                return null;
            });
            while (!writer.isDone()) {
                assertEquals(image.manifest(), source.resolve());
            }
            writer.get();
        }
    }

    @Test
    void whatIsNoLayoutIsSaidToBeNone() throws Exception {
        Files.createDirectory(directory.resolve("empty"));
        for (String name : List.of("empty", "absent")) {
            RegistryException e = assertThrows(RegistryException.class, () -> images.open(reference(name, "")));
            assertTrue(e.getMessage().contains(directory.resolve(name).toString()), e.getMessage());
        }
    }
}
