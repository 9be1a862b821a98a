package dev.rafter.mount;

import dev.rafter.api.MountRequest;
import dev.rafter.image.OpenedImage;
import dev.rafter.oci.Digest;
import dev.rafter.oci.DocumentException;
import dev.rafter.oci.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The records of mounts, one JSON file each in {@code <run>/mounts}: they are gone after a reboot, as the mounts are. They are not brought
 * to disk: what a loss of power would spoil tells of mounts that it ended.
 */
final class MountRecords {
    private final Path directory;
    private final AtomicLong nextNumber = new AtomicLong();

    MountRecords(Path run) throws IOException {
        directory = run.resolve("mounts");
        Files.createDirectories(directory);
    }

    /**
     * What is in the folder.
     *
     * @param unreadable files that are no records
     */
    record Found(List<MountRecord> records, List<Path> unreadable) {}

    /** A record of a mount that is to be made; not written yet. */
    MountRecord create(MountRequest request, OpenedImage image) {
        byte[] name = (request.directory() + '\0' + image.digest()).getBytes(StandardCharsets.UTF_8);
        String id;
        do {
            id = Digest.sha256(name).hex().substring(0, 16) + "-" + nextNumber.getAndIncrement();
        } while (Files.exists(file(id)));
        return new MountRecord(
                id, request, image.digest(), image.kind(), image.bootstrap().toString(), false);
    }

    void write(MountRecord record) throws IOException {
        Path file = file(record.id());
        Path fresh = Files.write(directory.resolve(file.getFileName() + ".new"), Json.bytes(record));
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    void remove(MountRecord record) throws IOException {
        Files.deleteIfExists(file(record.id()));
    }

    Found all() throws IOException {
        List<MountRecord> records = new ArrayList<>();
        List<Path> unreadable = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "*.json")) {
            for (Path file : files) {
                try {
                    records.add(read(file));
                } catch (DocumentException _) {
                    unreadable.add(file);
                }
            }
        }
        return new Found(records, unreadable);
    }

    private static MountRecord read(Path file) throws IOException {
        return Json.parse(Files.readAllBytes(file), MountRecord.class, "mount record " + file);
    }

    private Path file(String id) {
        return directory.resolve(id + ".json");
    }
}
