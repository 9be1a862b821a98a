package dev.rafter.snapshotter;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Which mounts show a snapshot: the same as those of containerd's overlayfs snapshotter, so that its fast paths work. A lazily served
 * image is one lower folder, its EROFS mount, whatever number of layers it has.
 */
final class SnapshotMounts {
    /**
     * containerd turns the options uidmap and gidmap into an idmapped mount of the folder that the lower folders have in common, without
     * what is mounted below that. Of one lower folder, which may be a mount itself, this makes it take just that.
     */
    private static final String INSIDE = "/.";

    private final SnapshotFolders folders;
    private final LazyImages lazyImages;
    private final List<String> overlayOptions;

    SnapshotMounts(SnapshotFolders folders, LazyImages lazyImages, List<String> overlayOptions) {
        this.folders = folders;
        this.lazyImages = lazyImages;
        this.overlayOptions = List.copyOf(overlayOptions);
    }

    /** What every overlay of this node is mounted with, found out as containerd does. */
    static List<String> probeOverlayOptions() throws IOException {
        List<String> options = new ArrayList<>();
        if (Files.exists(Path.of("/sys/module/overlay/parameters/index"))) {
            options.add("index=off");
        }
        if (isInUserNamespace()) {
            options.add("userxattr");
        }
        return options;
    }

    private static boolean isInUserNamespace() throws IOException {
        Path map = Path.of("/proc/self/uid_map");
        return Files.exists(map) && !Files.readString(map).strip().matches("0\\s+0\\s+4294967295");
    }

    /**
     * The folders below a new snapshot, the topmost first. Mounts a lazily served image if need be.
     *
     * @param chain its parent and what is below that, the topmost first
     */
    List<Path> lowers(List<Snapshot> chain) throws IOException {
        List<Path> lowers = new ArrayList<>();
        for (Snapshot layer : chain) {
            if (layer.isLazy()) {
                lowers.add(lazyImages.mount(layer.lazyLayer()));
                return lowers;
            }
            lowers.add(filesOf(layer));
        }
        return lowers;
    }

    private Path filesOf(Snapshot layer) throws IOException {
        Path files = folders.fs(layer.id());
        if (!Files.isDirectory(files)) {
            throw new LostLayerException(layer.name(), files + " is gone", null);
        }
        return files;
    }

    List<Mount> of(Snapshot snapshot, List<Path> lowers) {
        boolean writable = snapshot.kind() == Kind.ACTIVE;
        if (lowers.isEmpty()) {
            return List.of(bind(folders.fs(snapshot.id()), writable));
        }
        if (!writable && lowers.size() == 1) {
            return List.of(bind(lowers.getFirst(), false));
        }
        List<String> options = new ArrayList<>(overlayOptions);
        if (writable) {
            options.add("workdir=" + folders.work(snapshot.id()));
            options.add("upperdir=" + folders.fs(snapshot.id()));
        }
        String uids = snapshot.labels().get(Labels.UID_MAPPING);
        String gids = snapshot.labels().get(Labels.GID_MAPPING);
        if (uids == null || gids == null) {
            options.add(lowerdir(lowers, ""));
        } else {
            options.add(lowerdir(lowers, lowers.size() == 1 ? INSIDE : ""));
            options.add("uidmap=" + uids);
            options.add("gidmap=" + gids);
        }
        return List.of(new Mount("overlay", "overlay", options));
    }

    private static String lowerdir(List<Path> lowers, String suffix) {
        return "lowerdir=" + lowers.stream().map(Path::toString).collect(Collectors.joining(":", "", suffix));
    }

    private static Mount bind(Path folder, boolean writable) {
        return new Mount("bind", folder.toString(), List.of(writable ? "rw" : "ro", "rbind"));
    }
}
