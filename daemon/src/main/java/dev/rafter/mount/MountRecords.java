package dev.rafter.mount;

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

/** The records of mounts, one JSON file each in {@code <run>/mounts}: they are gone after a reboot, as the mounts are. */
final class MountRecords {
    private final Path directory;

    MountRecords(Path run) throws IOException {
        directory = run.resolve("mounts");
        Files.createDirectories(directory);
    }

    void write(MountRecord record) throws IOException {
        Path file = file(record.request().directory());
        Path fresh = Files.write(directory.resolve(file.getFileName() + ".new"), Json.bytes(record));
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    void remove(String mountPoint) throws IOException {
        Files.deleteIfExists(file(mountPoint));
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

    private Path file(String mountPoint) {
        Digest digest = Digest.sha256(mountPoint.getBytes(StandardCharsets.UTF_8));
        return directory.resolve(digest.hex().substring(0, 16) + ".json");
    }
}
