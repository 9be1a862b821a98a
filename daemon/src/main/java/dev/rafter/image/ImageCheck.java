package dev.rafter.image;

import dev.rafter.format.ImageException;
import dev.rafter.format.rafs.RafsBlob;
import dev.rafter.format.rafs.RafsBootstrap;
import dev.rafter.format.rafs.RafsChunk;
import dev.rafter.format.rafs.RafsChunks;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.function.Consumer;

/**
 * Reads an image again, all of it, and compares it with what it promises: the structure of the bootstrap, the chunk infos of each blob
 * against the bootstrap's, each blob's digest and that of each chunk; of a plain EROFS image, which has no digests, all files.
 */
public final class ImageCheck {
    /** What is reported of one blob: with a wrong one, all is wrong. */
    private static final int MAX_REPORTED = 20;

    private static final Duration META_TIMEOUT = Duration.ofMinutes(2);

    private final OpenedImage image;
    private final Consumer<String> problems;
    private long problemCount;
    private int reportedBlob = -1;
    private int reportedOfBlob;

    private ImageCheck(OpenedImage image, Consumer<String> problems) {
        this.image = image;
        this.problems = problems;
    }

    /**
     * @param problems takes what is wrong, one sentence each, of each blob the first few
     * @return how many problems there are
     * @throws IOException if the image could not be read to its end
     */
    public static long check(OpenedImage image, Consumer<String> problems) throws IOException {
        return new ImageCheck(image, problems).run();
    }

    private long run() throws IOException {
        if (image.kind() == ImageKind.EROFS) {
            PlainCheck.check(image, this::report);
            return problemCount;
        }
        try (Arena arena = Arena.ofConfined();
                FileChannel file = FileChannel.open(image.bootstrap(), StandardOpenOption.READ)) {
            RafsBootstrap bootstrap = RafsBootstrap.parse(
                    file.map(FileChannel.MapMode.READ_ONLY, 0, file.size(), arena), "bootstrap of " + image.name());
            bootstrap.validate();
            for (RafsBlob blob : bootstrap.blobs()) {
                check(bootstrap, blob, image.devices().get(blob.index()));
            }
        }
        return problemCount;
    }

    private void check(RafsBootstrap bootstrap, RafsBlob blob, ImageDevice device) throws IOException {
        switch (device) {
            case ImageDevice.Lazy lazy -> {
                if (blob.meta().sizeBytes() > 0) {
                    checkMeta(bootstrap, blob, lazy);
                }
                BlobCheck.check(lazy, problem -> report(blob, problem));
            }
            case ImageDevice.Raw raw -> report(blob, "is a raw device, " + raw.file());
            case ImageDevice.Missing missing -> report(blob, missing.why());
        }
    }

    private void checkMeta(RafsBootstrap bootstrap, RafsBlob blob, ImageDevice.Lazy device) throws IOException {
        Path directory = Files.createTempDirectory("rafter-check");
        Path file = directory.resolve("meta");
        try {
            BlobMetas.fetch(blob, device.source(), file, META_TIMEOUT);
            RafsChunks stored =
                    BlobMetas.with(blob, file, device.source().describe(), meta -> bootstrap.chunks(blob, meta));
            if (!bootstrap.needsMeta(blob)) {
                compare(blob, bootstrap.chunks(blob), stored);
            }
        } catch (ImageException e) {
            report(blob, String.valueOf(e.getMessage()));
        } finally {
            Files.deleteIfExists(file);
            Files.delete(directory);
        }
    }

    private void compare(RafsBlob blob, RafsChunks told, RafsChunks stored) {
        for (int i = 0; i < told.count(); i++) {
            RafsChunk expected = told.get(i);
            RafsChunk found = stored.get(i);
            if (expected.frameOffset() != found.frameOffset()
                    || expected.frameStoredSizeBytes() != found.frameStoredSizeBytes()) {
                report(
                        blob,
                        "chunk " + expected.index() + " is stored in " + found.frameStoredSizeBytes() + " bytes at "
                                + found.frameOffset() + " by its chunk infos, in " + expected.frameStoredSizeBytes()
                                + " at " + expected.frameOffset() + " by the bootstrap");
            }
        }
    }

    private void report(String problem) {
        if (problemCount++ < MAX_REPORTED) {
            problems.accept(problem);
        }
    }

    private void report(RafsBlob blob, String problem) {
        problemCount++;
        if (blob.index() != reportedBlob) {
            reportedBlob = blob.index();
            reportedOfBlob = 0;
        }
        if (reportedOfBlob++ < MAX_REPORTED) {
            problems.accept("blob " + blob.index() + ", sha256:" + blob.id() + ": " + problem);
        } else if (reportedOfBlob == MAX_REPORTED + 1) {
            problems.accept("blob " + blob.index() + ", sha256:" + blob.id() + ": and more");
        }
    }
}
