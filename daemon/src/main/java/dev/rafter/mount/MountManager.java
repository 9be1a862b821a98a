package dev.rafter.mount;

import dev.rafter.api.MountRequest;
import dev.rafter.api.MountView;
import dev.rafter.blob.BlobStore;
import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import dev.rafter.fetch.Fetching;
import dev.rafter.image.ImageDevice;
import dev.rafter.image.ImageOpener;
import dev.rafter.image.OpenedImage;
import dev.rafter.linux.Errno;
import dev.rafter.linux.Fd;
import dev.rafter.linux.KernelException;
import dev.rafter.linux.Mounts;
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
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Mounts images and unmounts them. What happens at one directory happens in order; different ones do not wait for each other, and a
 * failure stays with its mount.
 *
 * <p>A mount's record is written before the kernel mounts and removed after it has unmounted, so that the next daemon finds every mount
 * of this one.
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
    private final Map<Path, ReentrantLock> locks = new ConcurrentHashMap<>();
    private final Map<Path, ActiveMount> active = new ConcurrentHashMap<>();
    private final Set<ActiveMount> lingering = ConcurrentHashMap.newKeySet();
    /** Whoever looks after lingering mounts does it alone: one that was let go of twice would end the guards of others. */
    private final ReentrantLock lingeringLock = new ReentrantLock();

    /** Port: opens images in the way that a request asks for. */
    public interface Openers {
        ImageOpener opener(MountRequest request) throws IOException;
    }

    private MountManager(Path root, boolean fill, Openers openers, GuardedBlobs blobs, MountRecords records) {
        this.root = root;
        this.fill = fill;
        this.openers = openers;
        this.blobs = blobs;
        this.records = records;
    }

    /**
     * A manager of the mounts below a root directory. Mounts that a daemon left behind are taken over with their guards, without asking
     * a registry. One whose guard ended with that daemon is taken away at once, so that nobody new reads its holes as zeros.
     *
     * @param fill whether blobs are completed in the background where a request does not say
     */
    public static MountManager open(
            Path root, Path run, boolean fill, Openers openers, BlobStore store, Transport transport, Fetching fetching)
            throws IOException {
        MountRecords records = new MountRecords(run);
        MountManager manager =
                new MountManager(root, fill, openers, new GuardedBlobs(store, transport, fetching), records);
        manager.takeOver();
        return manager;
    }

    private void takeOver() throws IOException {
        List<MountRecord> lost = new ArrayList<>();
        boolean whole = true;
        for (MountRecord record : records.all()) {
            try {
                whole &= takeOver(record);
            } catch (IOException | RuntimeException e) {
                takeAway(record, e);
                lost.add(record);
            }
        }
        boolean guarded = false;
        for (String orphan : blobs.orphans()) {
            if (whole && lost.isEmpty()) {
                blobs.end(orphan);
            } else {
                blobs.deny(orphan);
                guarded = true;
            }
        }
        for (MountRecord record : lost) {
            if (guarded) {
                records.write(record.asLingering()); // so that the next daemon goes on denying
            } else {
                records.remove(record);
            }
        }
    }

    /** Whether all of its files are guarded again. If not, it is taken away, and what is still read from it is left to be denied. */
    private boolean takeOver(MountRecord record) throws IOException {
        Path directory = Path.of(record.request().directory());
        OpenedImage image = openers.opener(record.request()).reopen(record.digest());
        List<GuardedBlobs.Use> uses = new ArrayList<>();
        IOException failure = adopt(image, uses);
        ActiveMount mount = new ActiveMount(record, directory, image, uses);
        if (failure == null && !record.lingering() && isMounted(directory, "erofs")) {
            active.put(directory, mount);
            if (record.request().fill() == null ? fill : record.request().fill()) {
                mount.fill();
            }
            LOG.info("took over {} ({}) at {}", image.name(), image.digest(), directory);
            return true;
        }
        if (failure != null) {
            takeAway(record, failure);
        }
        records.write(record.asLingering());
        lingering.add(mount);
        return failure == null;
    }

    /** Takes over the guards of all devices that have one; the first failure, if any. */
    private @Nullable IOException adopt(OpenedImage image, List<GuardedBlobs.Use> uses) {
        IOException failure = null;
        for (ImageDevice device : image.devices()) {
            try {
                if (device instanceof ImageDevice.Lazy lazy) {
                    uses.add(blobs.adopt(lazy));
                }
            } catch (IOException e) {
                failure = failure == null ? e : failure;
            }
        }
        return failure;
    }

    private static void takeAway(MountRecord record, Exception why) throws IOException {
        Path directory = Path.of(record.request().directory());
        if (!record.lingering() && isMounted(directory, "erofs")) {
            LOG.error(
                    "{} was left mounted by another daemon and cannot be taken over; it is unmounted, and what still"
                            + " uses it is to be started again: {}",
                    directory,
                    why.getMessage());
            Mounts.detach(directory);
        }
    }

    private static boolean isMounted(Path directory, String type) throws IOException {
        return MountInfo.at(directory).filter(at -> at.type().equals(type)).isPresent();
    }

    /**
     * Mounts an image.
     *
     * @throws IOException with what was tried and what to do; nothing is mounted then
     */
    public MountView mount(MountRequest request) throws IOException {
        ImageReference reference = ImageReference.parse(request.image());
        Platform platform = request.platform() == null ? Platform.current() : Platform.parse(request.platform());
        Path directory = MountTarget.prepare(request.directory());
        ReentrantLock lock = lock(directory);
        try {
            MountTarget.prepare(request.directory());
            requireSpace();
            releaseIfUnmounted(directory);
            OpenedImage image = openers.opener(request).open(reference, platform);
            ActiveMount mount = mount(request, directory, image);
            active.put(directory, mount);
            if (request.fill() == null ? fill : request.fill()) {
                mount.fill();
            }
            LOG.info("mounted {} ({}) at {}", image.name(), image.digest(), directory);
            return mount.view();
        } finally {
            lock.unlock();
        }
    }

    private ReentrantLock lock(Path directory) {
        ReentrantLock lock = locks.computeIfAbsent(directory, _ -> new ReentrantLock());
        lock.lock();
        return lock;
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

    private ActiveMount mount(MountRequest request, Path directory, OpenedImage image) throws IOException {
        List<GuardedBlobs.Use> uses = new ArrayList<>();
        MountRecord record = records.create(request.at(directory.toString()), image.digest());
        try {
            image.requireDevices();
            List<Path> devices = devices(image, uses);
            records.write(record);
            blobs.settle();
            Mounts.mountErofs(image.bootstrap(), devices, directory);
            return new ActiveMount(record, directory, image, uses);
        } catch (IOException | RuntimeException e) {
            undo(new ActiveMount(record, directory, image, uses), e);
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
        ReentrantLock lock = lock(real);
        try {
            ActiveMount mount = Optional.ofNullable(active.get(real))
                    .orElseThrow(() -> new FailureException(
                            FailureKind.USAGE, "nothing is mounted at " + real + " by this daemon"));
            unmount(mount);
        } finally {
            lock.unlock();
        }
    }

    private void unmount(ActiveMount mount) throws IOException {
        Path directory = mount.directory();
        if (isMounted(directory, "erofs")) {
            detach(directory);
        } else {
            LOG.warn("{} was unmounted by somebody else", directory);
        }
        records.write(mount.record().asLingering());
        active.remove(directory);
        if (letGo(mount)) {
            LOG.info("unmounted {}", directory);
        } else {
            lingering.add(mount);
            LOG.info(
                    "unmounted {}; its guards stay: something, as an overlay above it, still reads from it", directory);
        }
    }

    /**
     * Ends the guards of a mount that the kernel has let go of. A filesystem lives on while an overlay or another mount namespace uses it,
     * though it is unmounted here; without its guards it would show holes as zeros.
     */
    private boolean letGo(ActiveMount mount) throws IOException {
        if (!mount.isSafe() && isUsedByTheKernel(mount.image().bootstrap())) {
            return false;
        }
        records.remove(mount.record());
        mount.release(blobs);
        return true;
    }

    private static boolean isUsedByTheKernel(Path bootstrap) throws IOException {
        try (Fd fd = Fd.open(bootstrap, Fd.O_RDONLY)) {
            return !fd.isOnlyOpenFile();
        }
    }

    /** Lets go of mounts that somebody else has unmounted. To be called now and then; waits for nobody. */
    public void releaseUnmounted() {
        Set<Path> mounted;
        try {
            mounted = MountInfo.all().stream().map(MountInfo::directory).collect(Collectors.toSet());
        } catch (IOException e) {
            LOG.warn("looking for what was unmounted by somebody else failed: {}", e.getMessage());
            return;
        }
        for (Path directory : active.keySet()) {
            if (!mounted.contains(directory)) {
                tryRelease(directory);
            }
        }
    }

    /** Leaves a directory alone at which something is being mounted, which may take as long as a registry does. */
    private void tryRelease(Path directory) {
        ReentrantLock lock = locks.computeIfAbsent(directory, _ -> new ReentrantLock());
        if (!lock.tryLock()) {
            return;
        }
        try {
            releaseIfUnmounted(directory);
        } catch (IOException e) {
            LOG.warn("letting go of what was unmounted at {} failed: {}", directory, e.getMessage());
        } finally {
            lock.unlock();
        }
    }

    /** Under the directory's lock. */
    private void releaseIfUnmounted(Path directory) throws IOException {
        ActiveMount mount = active.get(directory);
        if (mount != null && !isMounted(directory, "erofs")) {
            unmount(mount);
        }
    }

    /** Ends the guards of mounts that were still read from when they were unmounted, and are no more. To be called now and then. */
    public void releaseLingering() {
        lingeringLock.lock();
        try {
            lingering.forEach(this::releaseLingering);
        } finally {
            lingeringLock.unlock();
        }
    }

    private void releaseLingering(ActiveMount mount) {
        try {
            if (letGo(mount)) {
                lingering.remove(mount);
                LOG.info("nothing reads from what was mounted at {} any more", mount.directory());
            }
        } catch (IOException e) {
            LOG.warn("letting go of what was mounted at {} failed: {}", mount.directory(), e.getMessage());
        }
    }

    /** Directories that were unmounted, but are still read from. */
    public List<Path> lingering() {
        return lingering.stream().map(ActiveMount::directory).toList();
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

    /** Whether anything is mounted, or was, or is being mounted. */
    public boolean hasMounted() {
        return !locks.isEmpty() || !active.isEmpty() || !lingering.isEmpty();
    }

    /** Whether this daemon has something mounted at a directory. */
    public boolean isMounted(Path directory) throws IOException {
        return Files.exists(directory) && active.containsKey(directory.toRealPath());
    }

    public List<MountView> mounts() {
        return active.values().stream()
                .sorted((a, b) -> a.directory().compareTo(b.directory()))
                .map(ActiveMount::view)
                .toList();
    }

    /** Unmounts everything; goes on where one fails, and then throws what failed first. */
    public void unmountAll() throws IOException {
        IOException failure = null;
        for (ActiveMount mount : active.values()) {
            try {
                unmount(mount.directory().toString());
            } catch (IOException e) {
                if (failure == null) {
                    failure = e;
                } else {
                    failure.addSuppressed(e);
                }
            }
        }
        if (failure != null) {
            throw failure;
        }
    }
}
