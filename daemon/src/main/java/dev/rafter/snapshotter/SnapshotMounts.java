package dev.rafter.snapshotter;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Which mounts show a snapshot: the same as those of containerd's overlayfs snapshotter, so that its fast paths work. A lazily served
 * image is one lower folder, its EROFS mount, whatever number of layers it has.
 */
final class SnapshotMounts {
    /**
     * Of the options uidmap and gidmap containerd 2.0 makes an idmapped mount of each lower folder; newer ones make one of the folder that
     * the lower folders have in common, without what is mounted below that. Of one lower folder, which may be a mount itself, this makes
     * them take just that.
     */
    private static final String INSIDE = "/.";
    /**
     * This makes them see that a lazily served image and layers on top of it have nothing but the root in common. They refuse that; with
     * anything else in common, the image would be empty.
     */
    private static final String APART = "/";

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

    /** How to mount a snapshot, given what {@link #lowers} told of its parent. */
    List<Mount> of(Snapshot snapshot, List<Path> lowers) throws SnapshotException {
        boolean writable = snapshot.kind() == Kind.ACTIVE;
        Optional<UserNamespace> namespace = UserNamespace.of(snapshot.labels());
        if (lowers.isEmpty()) {
            return List.of(bind(folders.fs(snapshot.id()), writable, List.of()));
        }
        List<String> idmapped = namespace.map(UserNamespace::mountOptions).orElse(List.of());
        if (!writable && lowers.size() == 1) {
            return List.of(bind(lowers.getFirst(), false, idmapped));
        }
        List<String> options = new ArrayList<>(overlayOptions);
        if (writable) {
            options.add("workdir=" + folders.work(snapshot.id()));
            options.add("upperdir=" + folders.fs(snapshot.id()));
        }
        options.add("lowerdir=" + (idmapped.isEmpty() ? join(lowers.stream()) : toBeIdmapped(lowers)));
        options.addAll(idmapped);
        return List.of(new Mount("overlay", "overlay", options));
    }

    private String toBeIdmapped(List<Path> lowers) {
        return lowers.size() == 1
                ? lowers.getFirst() + INSIDE
                : join(lowers.stream().map(lower -> folders.contain(lower) ? lower : APART + lower));
    }

    private static String join(Stream<?> folders) {
        return folders.map(Object::toString).collect(Collectors.joining(":"));
    }

    private static Mount bind(Path folder, boolean writable, List<String> idmapped) {
        List<String> options = new ArrayList<>(List.of(writable ? "rw" : "ro", "rbind"));
        options.addAll(idmapped);
        return new Mount("bind", folder.toString(), options);
    }
}
