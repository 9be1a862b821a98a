package dev.rafter.snapshotter;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.rafter.oci.Digest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What containerd remembers of layers in one namespace, and the blobs that it has kept: of a layer with one file, named after its text. */
final class FakeContainerd implements Containerd {
    private final Snapshotter snapshotter;
    private final Map<String, Remembered> records = new HashMap<>();
    final Map<Digest, String> blobs = new HashMap<>();

    private record Remembered(String nameHere, String parent, Map<String, String> labels) {}

    FakeContainerd(Snapshotter snapshotter) {
        this.snapshotter = snapshotter;
    }

    /** Another life of ours, of which containerd notices nothing. */
    FakeContainerd with(Snapshotter next) {
        FakeContainerd same = new FakeContainerd(next);
        same.records.putAll(records);
        same.blobs.putAll(blobs);
        return same;
    }

    static Digest blob(String text) {
        return Digest.sha256(("compressed " + text).getBytes(UTF_8));
    }

    static Digest diffId(String text) {
        return Digest.sha256(text.getBytes(UTF_8));
    }

    void remember(String chainId, String nameHere, String parent, Map<String, String> labels) {
        records.put(chainId, new Remembered(nameHere, parent, labels));
    }

    @Override
    public Optional<SnapshotInfo> stat(String chainId) throws IOException {
        Remembered record = records.get(chainId);
        if (record == null) {
            return Optional.empty();
        }
        SnapshotInfo ours = snapshotter.stat(record.nameHere());
        Map<String, String> labels = new HashMap<>(ours.labels());
        labels.putAll(record.labels());
        return Optional.of(
                new SnapshotInfo(chainId, record.parent(), ours.kind(), ours.created(), ours.updated(), labels));
    }

    @Override
    public Digest apply(Digest blob, List<Mount> mounts) throws IOException {
        String text = blobs.get(blob);
        if (text == null) {
            throw new IOException("containerd has not kept the layer: " + blob);
        }
        Files.writeString(writable(mounts.getFirst()).resolve(text), text);
        return diffId(text);
    }

    private static Path writable(Mount mount) {
        return Path.of(
                mount.type().equals("bind")
                        ? mount.source()
                        : mount.options().stream()
                                .filter(option -> option.startsWith("upperdir="))
                                .findFirst()
                                .orElseThrow()
                                .substring("upperdir=".length()));
    }

    @Override
    public void close() {}
}
