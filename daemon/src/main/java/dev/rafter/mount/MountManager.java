package dev.rafter.mount;

import dev.rafter.api.MountRequest;
import dev.rafter.api.MountView;
import dev.rafter.blob.BlobStore;
import dev.rafter.blob.KeyedLocks;
import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import dev.rafter.fetch.Fetching;
import dev.rafter.image.ImageDevice;
import dev.rafter.image.ImageOpener;
import dev.rafter.image.OpenedImage;
import dev.rafter.linux.Errno;
import dev.rafter.linux.KernelException;
import dev.rafter.linux.Mounts;
import dev.rafter.oci.Digest;
import dev.rafter.oci.Platform;
import dev.rafter.ondemand.Transport;
import dev.rafter.registry.ImageReference;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Mounts images and unmounts them. What happens at one directory happens in order; different ones do not wait for each other, and a
 * failure stays with its mount.
 *
 * <p>A mount is made while its maker passes the {@link MountGate}; then it is <em>active</em> until it is unmounted, and then
 * <em>lingering</em> until the kernel lets go of it. So what is in use is always one of these three, and who has the gate alone knows
 * it all. A mount's record is written before the kernel mounts and removed after the kernel has let go, so that the next daemon finds
 * every mount of this one.
 */
public final class MountManager {
    /** Below this nothing is mounted. */
    public static final long MIN_FREE_BYTES = 8 << 20;

    private static final Logger LOG = LoggerFactory.getLogger(MountManager.class);

    private final Path root;
    private final boolean fill;
    private final Openers openers;
    private final GuardedBlobs blobs;
    private final MountRecords records;
    private final LingeringMounts lingering;
    private final MountGate gate = new MountGate();
    private final KeyedLocks<Path> locks = new KeyedLocks<>();
    private final Map<Path, ActiveMount> active = new ConcurrentHashMap<>();
    private volatile boolean hasMounted;

    /** Port: opens images in the way that a request asks for. */
    public interface Openers {
        ImageOpener opener(MountRequest request) throws IOException;
    }

    /** What is done with an image that nothing mounts. */
    @FunctionalInterface
    public interface Action {
        void run() throws IOException;
    }

    private MountManager(Path root, boolean fill, Openers openers, GuardedBlobs blobs, MountRecords records) {
        this.root = root;
        this.fill = fill;
        this.openers = openers;
        this.blobs = blobs;
        this.records = records;
        this.lingering = new LingeringMounts(blobs, records);
    }

    /**
     * A manager of the mounts below a root directory, which takes over those that a daemon left behind.
     *
     * @param fill whether blobs are completed in the background where a request does not say
     */
    public static MountManager open(
            Path root, Path run, boolean fill, Openers openers, BlobStore store, Transport transport, Fetching fetching)
            throws IOException {
        MountRecords records = new MountRecords(run);
        GuardedBlobs blobs = new GuardedBlobs(store, transport, fetching);
        MountManager manager = new MountManager(root, fill, openers, blobs, records);
        TakeOver takeOver = new TakeOver(openers, blobs, records);
        takeOver.run();
        takeOver.lingering().forEach(manager.lingering::add);
        takeOver.mounted().forEach(manager::add);
        return manager;
    }

    private void add(ActiveMount mount) {
        active.put(mount.directory(), mount);
        hasMounted = true;
        Boolean wanted = mount.record().request().fill();
        if (wanted == null ? fill : wanted) {
            mount.fill();
        }
    }

    /**
     * Mounts an image.
     *
     * @throws StoppingException if the daemon is being stopped
     * @throws IOException with what was tried and what to do; nothing is mounted then
     */
    public MountView mount(MountRequest request) throws IOException {
        try (MountGate.Passage _ = gate.enter()) {
            Path directory = MountTarget.prepare(request.directory());
            try (var _ = locks.lock(directory)) {
                return mountAt(directory, request).view();
            }
        }
    }

    /**
     * Sees to it that an image is mounted at a directory that only images of the caller are mounted at. It is still there when somebody
     * who is told of it mounts something on top of it soon: nobody who is stopping the daemon takes it away in the next few seconds.
     *
     * @param request its directory is a real path
     * @throws StoppingException if the daemon is being stopped
     */
    public void keepMounted(MountRequest request) throws IOException {
        Path directory = Path.of(request.directory());
        try (MountGate.Passage _ = gate.enter();
                var _ = locks.lock(directory)) {
            ActiveMount mount = active.get(directory);
            if (mount == null || !MountInfo.shows(mount.record())) {
                mount = mountAt(directory, request);
            }
            mount.handOut();
        }
    }

    /** Under the directory's lock, within the gate. */
    private ActiveMount mountAt(Path directory, MountRequest request) throws IOException {
        ImageReference reference = ImageReference.parse(request.image());
        Platform platform = request.platform() == null ? Platform.current() : Platform.parse(request.platform());
        hasMounted = true;
        MountTarget.prepare(directory.toString());
        requireSpace();
        releaseIfUnmounted(directory);
        OpenedImage image = openers.opener(request).open(reference, platform);
        ActiveMount mount = mount(image, request.at(directory.toString()));
        add(mount);
        LOG.info("mounted {} ({}) at {}", image.name(), image.digest(), directory);
        return mount;
    }

    private void requireSpace() throws IOException {
        long free = Files.getFileStore(root).getUsableSpace();
        if (free < MIN_FREE_BYTES) {
            throw new FailureException(
                    FailureKind.NODE,
                    "only " + free + " bytes are free at " + root + "; a mount needs at least " + MIN_FREE_BYTES
                            + ": make room, or choose another --root");
        }
    }

    private ActiveMount mount(OpenedImage image, MountRequest request) throws IOException {
        List<GuardedBlobs.Use> uses = new ArrayList<>();
        MountRecord record = records.create(request, image);
        try {
            image.requireDevices();
            List<Path> devices = devices(image, uses);
            records.write(record);
            blobs.settle();
            Mounts.mountErofs(image.bootstrap(), devices, record.directory());
            return new ActiveMount(record, image, uses);
        } catch (IOException | RuntimeException e) {
            undo(new ActiveMount(record, image, uses), e);
            throw e;
        }
    }

    private List<Path> devices(OpenedImage image, List<GuardedBlobs.Use> uses) throws IOException {
        List<Path> files = new ArrayList<>();
        for (ImageDevice device : image.devices()) {
            switch (device) {
                case ImageDevice.Raw raw -> files.add(raw.file());
                case ImageDevice.Lazy lazy -> {
                    GuardedBlobs.Use use = blobs.acquire(lazy);
                    uses.add(use);
                    files.add(use.blob().cache().dataFile());
                }
                case ImageDevice.Missing missing ->
                    throw new FailureException(FailureKind.IMAGE, image.name() + ": " + missing.why());
            }
        }
        return files;
    }

    private void undo(ActiveMount mount, Exception cause) {
        try {
            records.remove(mount.record());
            mount.release(blobs);
        } catch (IOException e) {
            cause.addSuppressed(e);
        }
    }

    /** Unmounts what this daemon mounted at a directory; the cache files stay. */
    public void unmount(String text) throws IOException {
        Path directory = Path.of(text);
        Path real = Files.exists(directory) ? directory.toRealPath() : directory.normalize();
        try (var _ = locks.lock(real)) {
            ActiveMount mount = Optional.ofNullable(active.get(real))
                    .orElseThrow(() -> new FailureException(
                            FailureKind.USAGE, "nothing is mounted at " + real + " by this daemon"));
            unmount(mount);
        }
    }

    /** Under the directory's lock. */
    private void unmount(ActiveMount mount) throws IOException {
        Path directory = mount.directory();
        if (MountInfo.shows(mount.record())) {
            detach(directory);
        } else {
            LOG.warn("{} was unmounted by somebody else", directory);
        }
        lingering.add(mount);
        active.remove(directory);
        records.write(mount.record().asLingering());
        if (lingering.letGo(mount)) {
            LOG.info("unmounted {}", directory);
        } else {
            LOG.info(
                    "unmounted {}; its guards stay: something, as an overlay above it, still reads from it", directory);
        }
    }

    private static void detach(Path directory) throws IOException {
        try {
            Mounts.unmount(directory);
        } catch (KernelException e) {
            if (e.errno() != Errno.EBUSY) {
                throw e;
            }
            String users = InUse.by(directory);
            throw new FailureException(
                    FailureKind.FAILURE,
                    directory + " is in use" + (users.isEmpty() ? "" : " by " + users)
                            + ": end what uses it, then unmount again",
                    e);
        }
    }

    /** Lets go of what was unmounted: by somebody else, or while it was read from. To be called now and then; waits for nobody. */
    public void releaseUnmounted() {
        Set<Path> mounted;
        try {
            mounted = MountInfo.all().stream().map(MountInfo::directory).collect(Collectors.toSet());
        } catch (IOException e) {
            LOG.warn("looking for what was unmounted by somebody else failed: {}", e.getMessage());
            return;
        }
        active.keySet().stream()
                .filter(directory -> !mounted.contains(directory))
                .forEach(this::tryRelease);
        lingering.look();
    }

    /** Leaves a directory alone at which something is being mounted, which may take as long as a registry does. */
    private void tryRelease(Path directory) {
        locks.tryLock(directory).ifPresent(held -> {
            try (held) {
                releaseIfUnmounted(directory);
            } catch (IOException e) {
                LOG.warn("letting go of what was unmounted at {} failed: {}", directory, e.getMessage());
            }
        });
    }

    /** Under the directory's lock. */
    private void releaseIfUnmounted(Path directory) throws IOException {
        ActiveMount mount = active.get(directory);
        if (mount != null && !MountInfo.shows(mount.record())) {
            unmount(mount);
        }
    }

    /**
     * Does something with an image that nothing mounts and nothing may read from, and that nobody mounts meanwhile; false, and it is not
     * done, if that is not so now. It should be short: all mounts wait for it.
     */
    public boolean ifUnused(Digest image, Action action) throws IOException {
        boolean[] unused = new boolean[1];
        gate.ifNobodyPasses(() -> {
            unused[0] = !isInUse(image);
            if (unused[0]) {
                action.run();
            }
        });
        return unused[0];
    }

    private boolean isInUse(Digest image) {
        return lingering.has(image)
                || active.values().stream()
                        .anyMatch(mount -> mount.record().digest().equals(image));
    }

    /** Directories that were unmounted, but are still read from. */
    public List<Path> lingering() {
        return lingering.directories();
    }

    /** Whether anything is mounted, or was, or is being mounted. */
    public boolean hasMounted() {
        return hasMounted;
    }

    /** Whether this daemon has something mounted at a directory that was not unmounted by it. */
    public boolean has(Path directory) {
        return active.containsKey(directory);
    }

    public List<MountView> mounts() {
        return active.values().stream()
                .sorted((a, b) -> a.directory().compareTo(b.directory()))
                .map(ActiveMount::view)
                .toList();
    }

    /** From now on nothing is mounted: {@link #stop} is called until it succeeds. */
    public void refuse() {
        gate.refuse();
    }

    /**
     * Unmounts everything, and mounts nothing ever after, so that the guards can end. What is in use stays as it is.
     *
     * @throws IOException if something is in use, or is still read from where it was unmounted; it goes on then
     */
    public void stop() throws IOException {
        gate.close(() -> new Stopping(active.values(), this::unmount).run(lingering));
    }
}
