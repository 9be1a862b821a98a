package dev.rafter;

import dev.rafter.api.ApiServer;
import dev.rafter.api.DaemonService;
import dev.rafter.api.ImageView;
import dev.rafter.api.MountRequest;
import dev.rafter.api.MountView;
import dev.rafter.api.StatusView;
import dev.rafter.blob.BlobStore;
import dev.rafter.config.Config;
import dev.rafter.doctor.Doctor;
import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import dev.rafter.fdstore.FdStore;
import dev.rafter.fdstore.Supervisor;
import dev.rafter.fetch.FetchOptions;
import dev.rafter.fetch.Fetching;
import dev.rafter.image.Folders;
import dev.rafter.image.ImageOpener;
import dev.rafter.image.ImageStore;
import dev.rafter.image.StoredImage;
import dev.rafter.linux.Fd;
import dev.rafter.linux.fanotify.FanotifyTransport;
import dev.rafter.mount.MountManager;
import dev.rafter.mount.Rehearsal;
import dev.rafter.snapshotter.CallRehearsal;
import dev.rafter.snapshotter.Snapshotter;
import dev.rafter.snapshotter.SnapshotterServer;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The daemon of a node: opens the store, the transport and the sockets, and serves until it is stopped. It ends only when nothing is mounted
 * any more: mounts that are in use when it is asked to end keep it serving until they are free, since they would show holes without it.
 */
final class Daemon implements DaemonService {
    private static final Logger LOG = LoggerFactory.getLogger(Daemon.class);
    private static final String LOCK = "lock";
    private static final String REHEARSAL = "rehearsal";
    private static final long RETRY_MILLIS = 1_000;
    /** Time for an answer to reach whoever asked. */
    private static final long ANSWER_MILLIS = 100;

    private static final int LINGER_CHECK_SECONDS = 5;
    /** How long another process may have the lock without being a daemon: one that ends just now, or only looks whether there is one. */
    private static final long LOCK_MILLIS = 1_000;

    private static final long LOCK_POLL_MILLIS = 20;
    /** The exit code of a daemon that gets no events any more: EX_SOFTWARE. */
    private static final int NO_EVENTS = 70;

    private final Config config;
    private final long startNanos = System.nanoTime();
    private final CountDownLatch stopped = new CountDownLatch(1);
    private final CountDownLatch ended = new CountDownLatch(1);
    private final FdStore store;
    private final Fd lock;
    private final ImageStore images;
    private final BlobStore blobs;
    private final Fetching fetching;
    private final FanotifyTransport transport;
    private final MountManager mounts;
    private final NodeFitness fitness;
    private final Metrics metrics;
    private final @Nullable Snapshotter snapshotter;
    private final Wiring wiring;

    /** @param store of whoever started this process; it is to be opened before anything can fail */
    Daemon(Wiring wiring, FdStore store) throws IOException {
        this.wiring = wiring;
        this.store = store;
        config = wiring.config();
        fitness = new NodeFitness(() -> Doctor.whatLazyMountsLack(config.root()));
        createPrivate(config.run());
        Files.createDirectories(config.root());
        lock = lock(config.root(), store);
        images = ImageStore.open(config.root().resolve("images"));
        KeptCacheFiles cacheFiles = new KeptCacheFiles(store);
        blobs = openBlobs(config.root(), cacheFiles);
        fetching = new Fetching(new FetchOptions(
                config.demandTimeout(), config.registry().maxRequests(), FetchOptions.DEFAULTS.maxBufferBytes()));
        transport = new FanotifyTransport(config.run().resolve("inflight"), store, Daemon::die);
        mounts = MountManager.open(
                config.root(),
                config.run(),
                config.backgroundFill(),
                request -> wiring.opener(request, images),
                blobs,
                transport,
                fetching);
        cacheFiles.forgetLeft();
        metrics = new Metrics(fetching.stats(), transport.stats(), mounts);
        snapshotter = config.snapshotter().enabled() ? snapshotter(wiring) : null;
    }

    /** What serves no reader any more makes way for the next daemon. */
    private static void die() {
        Runtime.getRuntime().halt(NO_EVENTS);
    }

    private Snapshotter snapshotter(Wiring wiring) throws IOException {
        HeldImages held = new HeldImages(config.root(), config.run(), images, blobs, mounts);
        NodeImages lazyImages =
                new NodeImages(new ImageOpener(wiring::source, images), images, blobs, mounts, held, fitness);
        return Snapshotter.open(config.root(), lazyImages, metrics.registry());
    }

    private static void createPrivate(Path directory) throws IOException {
        Files.createDirectories(directory);
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx------"));
    }

    /** One daemon a root: two would write the same files. The lock outlives the daemon with its descriptors. */
    private static Fd lock(Path root, FdStore store) throws IOException {
        Path file = root.resolve(LOCK);
        Optional<Fd> left = store.take(LOCK);
        if (left.isPresent()) {
            if (Files.exists(file) && Files.isSameFile(left.get().path(), file)) {
                return left.get();
            }
            throw new FailureException(
                    FailureKind.USAGE,
                    "the daemon before this one served another root than " + root
                            + ", and its mounts need it: configure that one again, and stop it before you change it");
        }
        Fd fd = Fd.open(file, Fd.O_RDWR | Fd.O_CREAT);
        if (!tryLock(fd)) {
            fd.close();
            throw new FailureException(
                    FailureKind.FAILURE, "another daemon serves " + root + ": stop it, or choose another --root");
        }
        store.keep(LOCK, fd);
        return fd;
    }

    private static boolean tryLock(Fd fd) throws IOException {
        try {
            for (long waited = 0; !fd.tryLock(); waited += LOCK_POLL_MILLIS) {
                if (waited >= LOCK_MILLIS) {
                    return false;
                }
                Thread.sleep(LOCK_POLL_MILLIS);
            }
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    private static BlobStore openBlobs(Path root, KeptCacheFiles cacheFiles) throws FailureException {
        try {
            return BlobStore.open(BlobStore.Options.of(root).withOpener(cacheFiles));
        } catch (IOException e) {
            throw new FailureException(FailureKind.NODE, String.valueOf(e.getMessage()), e);
        }
    }

    /** Serves until it is stopped, by the interface or by SIGTERM. */
    int run() throws IOException {
        Thread hook = Thread.ofPlatform().name("rafter-stop").unstarted(this::stopAtLast);
        Runtime.getRuntime().addShutdownHook(hook);
        Path pidFile = config.run().resolve("daemon.pid");
        Files.writeString(pidFile, ProcessHandle.current().pid() + "\n");
        try (ApiServer _ = ApiServer.start(config.apiSocket(), this);
                Closeable _ = serveSnapshots();
                Rehearsal _ = rehearse()) {
            store.ready();
            LOG.info("serving {} at {}", config.root(), config.apiSocket());
            if (!store.outlivesThisProcess()) {
                LOG.warn("nothing holds this daemon's descriptors: if it is killed, mounts read zeros where they have"
                        + " holes. Start it by \"rafter daemon\" or systemd, with FileDescriptorStoreMax=");
            }
            IdleHeap heap = new IdleHeap(this::work);
            while (!stopped.await(LINGER_CHECK_SECONDS, TimeUnit.SECONDS)) {
                mounts.releaseUnmounted();
                if (snapshotter != null) {
                    snapshotter.releaseImages();
                }
                heap.look();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted: the daemon ends", e);
        } finally {
            if (stopped.getCount() == 0) {
                Files.deleteIfExists(pidFile);
                close();
            }
            ended.countDown();
        }
        return 0;
    }

    private void rehearseCalls() throws IOException {
        if (snapshotter != null) {
            tryFitness();
            Path folder = config.run().resolve(REHEARSAL);
            deleteIfThere(folder); // of a daemon that was killed
            try {
                CallRehearsal.play(folder);
            } finally {
                deleteIfThere(folder);
            }
        }
    }

    /** Before an image asks for it. */
    private void tryFitness() {
        try {
            fitness.require();
        } catch (FailureException e) {
            LOG.warn("images of containerd will be refused: {}", e.getMessage());
        }
    }

    private static void deleteIfThere(Path folder) throws IOException {
        if (Files.exists(folder)) {
            Folders.delete(folder);
        }
    }

    /** With the image that the launcher names, if it has one. */
    private Rehearsal rehearse() {
        String prepared = System.getProperty("rafter.rehearsal");
        return Rehearsal.start(
                config.root().resolve(REHEARSAL),
                prepared == null ? null : Path.of(prepared),
                wiring::images,
                mounts::hasMounted,
                this::rehearseCalls);
    }

    /** Nothing is mounted any more. Otherwise nothing may be let go of: the next daemon needs it all. */
    private void close() throws IOException {
        transport.close();
        blobs.close();
        lock.close();
        LOG.info("ended");
    }

    private long work() {
        return fetching.stats().demands()
                + fetching.stats().fetches()
                + fetching.stats().prefetches();
    }

    private Closeable serveSnapshots() throws IOException {
        if (snapshotter == null) {
            return () -> {};
        }
        SnapshotterServer server = SnapshotterServer.start(
                config.snapshotter().socket(), snapshotter, config.snapshotter().containerd());
        LOG.info("serving containerd's snapshotter interface at {}", server.socket());
        return () -> {
            try (snapshotter) {
                server.close();
            }
        };
    }

    /**
     * On SIGTERM: tries until everything is unmounted; all the while readers are served. A daemon that ends since it cannot serve leaves
     * everything mounted.
     */
    private void stopAtLast() {
        try {
            mounts.refuse();
            for (boolean first = true; isServing() && !tryStop(first); first = false) {
                leaveWithTheNode();
                Thread.sleep(RETRY_MILLIS);
            }
            if (!ended.await(30, TimeUnit.SECONDS)) {
                LOG.error("the daemon did not end in order within 30 s");
            } else if (stopped.getCount() == 0) {
                Runtime.getRuntime().halt(0); // else it would be the signal's number, as if it were to be started again
            }
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }

    private static void leaveWithTheNode() {
        try {
            if (new NodeShutdown().isOver()) {
                LOG.info("the node is shut down, and nobody reads any more: ends, and leaves what is mounted");
                Runtime.getRuntime().halt(0);
            }
        } catch (IOException e) {
            LOG.warn("not known whether the node is shut down: {}", e.getMessage());
        }
    }

    private boolean isServing() {
        return stopped.getCount() > 0 && ended.getCount() > 0;
    }

    private boolean tryStop(boolean say) {
        try {
            stop();
            return true;
        } catch (IOException e) {
            if (say) {
                LOG.warn("cannot end yet, and goes on serving: {}", e.getMessage());
            }
            return false;
        }
    }

    @Override
    public MountView mount(MountRequest request) throws IOException {
        return mounts.mount(request);
    }

    @Override
    public void unmount(String directory) throws IOException {
        mounts.unmount(directory);
    }

    @Override
    public List<MountView> mounts() {
        return mounts.mounts();
    }

    @Override
    public List<ImageView> images() throws IOException {
        List<ImageView> views = new ArrayList<>();
        for (StoredImage image : images.all()) {
            List<String> digests =
                    image.blobs().stream().map(blob -> blob.digest().toString()).toList();
            views.add(new ImageView(image.digest().toString(), image.reference(), digests));
        }
        return views;
    }

    @Override
    public StatusView status() {
        return new StatusView(
                Wiring.version(),
                ProcessHandle.current().pid(),
                config.root().toString(),
                config.run().toString(),
                "fanotify",
                store.outlivesThisProcess(),
                mounts.mounts().size(),
                TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - startNanos));
    }

    @Override
    public String metrics() {
        return metrics.text();
    }

    @Override
    public void restart() throws IOException {
        if (!store.outlivesThisProcess()) {
            throw new FailureException(
                    FailureKind.FAILURE, "nothing would start this daemon again: stop it, and start it anew");
        }
        LOG.info("making room for the next daemon");
        // As if it were killed, since that is what everything is made for: what is mounted stays, with its guards.
        Thread.ofPlatform().daemon().name("rafter-restart").start(() -> {
            try {
                Thread.sleep(ANSWER_MILLIS);
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
            }
            Runtime.getRuntime().halt(Supervisor.RESTART);
        });
    }

    @Override
    public void stop() throws IOException {
        mounts.stop();
        stopped.countDown();
    }
}
