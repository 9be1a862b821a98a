package dev.rafter.image;

import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import dev.rafter.format.erofs.Device;
import dev.rafter.format.erofs.ErofsImage;
import dev.rafter.format.rafs.RafsBootstrap;
import dev.rafter.oci.Digest;
import dev.rafter.registry.ImageReference;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * One image file with its devices. The devices of a RAFS bootstrap are its blobs, as they are stored in a registry, in the order of the
 * blob table; those of any other EROFS image are the device files themselves.
 */
final class ImageFile {
    private final ImageReference.Erofs reference;
    private final ImageStore store;

    ImageFile(ImageReference.Erofs reference, ImageStore store) {
        this.reference = reference;
        this.store = store;
    }

    OpenedImage open() throws IOException {
        try (Arena arena = Arena.ofConfined();
                FileChannel file = FileChannel.open(reference.file(), StandardOpenOption.READ)) {
            MemorySegment bytes = file.map(FileChannel.MapMode.READ_ONLY, 0, file.size(), arena);
            return RafsBootstrap.isRafsV6(bytes) ? openRafs() : openPlain(bytes);
        }
    }

    private OpenedImage openRafs() throws IOException {
        Digest digest = Digests.ofFile(reference.file());
        Optional<StoredImage> stored = store.find(digest);
        return opened(stored.isPresent() ? stored.get() : store.add(digest, directory -> copy(directory, digest)));
    }

    private StoredImage copy(Path directory, Digest digest) throws IOException {
        Path file = Files.copy(reference.file(), ImageStore.bootstrap(directory));
        new StoredRafs(directory, reference.display()).with(bootstrap -> {
            bootstrap.validate();
            for (var blob : bootstrap.blobs()) {
                if (BlobMetas.areNeeded(bootstrap, blob)
                        && blob.index() < reference.devices().size()) {
                    FileBlob source = new FileBlob(reference.devices().get(blob.index()));
                    BlobMetas.fetch(blob, source, ImageStore.meta(directory, blob.id()), Duration.ZERO);
                }
            }
            return bootstrap;
        });
        return new StoredImage(
                reference.display(),
                digest,
                ImageKind.RAFS_V6,
                Digests.ofFile(file),
                Files.size(file),
                List.of(),
                List.of());
    }

    /** A RAFS image file that is in the store. */
    OpenedImage opened(StoredImage stored) throws IOException {
        StoredRafs rafs = new StoredRafs(store.path(stored.digest()), reference.display());
        int blobs = rafs.with(bootstrap -> bootstrap.blobs().size());
        requireCount(blobs);
        List<ImageDevice> devices = reference.devices().isEmpty()
                ? missing(blobs)
                : rafs.devices(blob -> blob(reference.devices().get(blob.index())));
        return new OpenedImage(
                reference.display(), stored.digest(), stored.kind(), rafs.bootstrap(), devices, () -> {});
    }

    private static StoredRafs.Stored blob(Path file) throws IOException {
        return new StoredRafs.Stored(new FileBlob(file), Files.size(file));
    }

    private List<ImageDevice> missing(int count) {
        List<ImageDevice> devices = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            devices.add(new ImageDevice.Missing("its data are in " + count
                    + " blobs: name them, erofs:FILE,BLOB..., in the order of its blob table"));
        }
        return devices;
    }

    private OpenedImage openPlain(MemorySegment bytes) throws IOException {
        ErofsImage image = ErofsImage.open(bytes, reference.file().toString(), ErofsImage.Devices.SEPARATE);
        image.validate((_, _) -> {});
        int count = image.devices().size();
        requireCount(count);
        for (int i = 0; i < reference.devices().size(); i++) {
            requireWhole(
                    reference.devices().get(i),
                    image.devices().get(i),
                    image.superblock().blockSize());
        }
        List<ImageDevice> devices = reference.devices().isEmpty()
                ? missing(count)
                : List.copyOf(
                        reference.devices().stream().map(ImageDevice.Raw::new).toList());
        return new OpenedImage(
                reference.display(),
                Digests.ofFile(reference.file()),
                ImageKind.EROFS,
                reference.file(),
                devices,
                () -> {});
    }

    /** The kernel reads zeros behind the end of a device file. Its last block need not be whole. */
    private void requireWhole(Path file, Device device, int blockSize) throws IOException {
        long size = Files.size(file);
        if (device.blocks() > 0 && size <= (device.blocks() - 1) * blockSize) {
            throw new FailureException(
                    FailureKind.IMAGE,
                    "device " + file + " has " + size + " bytes, but " + reference.file() + " needs "
                            + device.blocks() * blockSize + ": is it another image's, or was it cut?");
        }
    }

    private void requireCount(int devices) throws FailureException {
        int given = reference.devices().size();
        if (given != 0 && given != devices) {
            throw new FailureException(
                    FailureKind.USAGE,
                    reference.file() + " has " + devices + " devices, but " + given
                            + " were named: erofs:FILE,DEVICE...");
        }
    }
}
