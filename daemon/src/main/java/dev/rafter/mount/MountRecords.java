package dev.rafter.mount;

import dev.rafter.api.MountRequest;
import dev.rafter.oci.Digest;
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

/** The records of mounts, one JSON file each in {@code <run>/mounts}: they are gone after a reboot, as the mounts are. */
final class MountRecords {
    private final Path directory;
    private final AtomicLong nextNumber = new AtomicLong();

    MountRecords(Path run) throws IOException {
        directory = run.resolve("mounts");
        Files.createDirectories(directory);
    }

    /** A record of a mount that is to be made; not written yet. */
    MountRecord create(MountRequest request, Digest image) {
        byte[] name = (request.directory() + '\0' + image).getBytes(StandardCharsets.UTF_8);
        String id;
        do {
            id = Digest.sha256(name).hex().substring(0, 16) + "-" + nextNumber.getAndIncrement();
        } while (Files.exists(file(id)));
        return new MountRecord(id, request, image, false);
    }

    void write(MountRecord record) throws IOException {
        Path file = file(record.id());
        Path fresh = Files.write(directory.resolve(file.getFileName() + ".new"), Json.bytes(record));
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    void remove(MountRecord record) throws IOException {
        Files.deleteIfExists(file(record.id()));
    }

    List<MountRecord> all() throws IOException {
        List<MountRecord> records = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "*.json")) {
            for (Path file : files) {
                records.add(Json.parse(Files.readAllBytes(file), MountRecord.class, "mount record " + file));
            }
        }
        return records;
    }

    private Path file(String id) {
        return directory.resolve(id + ".json");
    }
}
