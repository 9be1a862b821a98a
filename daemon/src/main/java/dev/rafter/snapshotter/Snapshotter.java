package dev.rafter.snapshotter;

import io.micrometer.core.instrument.MeterRegistry;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The snapshots of one node, with the meaning that containerd gives them.
 *
 * <p>The life of a snapshot. To unpack an image, containerd <em>prepares</em> an active snapshot for each layer on top of the one before,
 * is told how to mount it, writes the layer's files into it, and <em>commits</em> it under a name; from then on it is immutable and may be
 * a parent. To run a container, it prepares one more active snapshot on the topmost committed one, which is the container's writable side.
 * A <em>view</em> is the same, read-only. What is not needed is <em>removed</em>, children before parents.
 *
 * <p>The life of a lazy one. When containerd prepares a layer with the label {@link Labels#REF}, it says: "if you have this layer already,
 * tell me, and I will not fetch it." Whether the image can be served lazily is decided once, at the first layer seen ({@link
 * ImageDecisions}). If so, a committed snapshot without files is stored, and containerd is told that it exists already, which it looks up
 * by label and parent. A container on top of the image then gets its EROFS mount as the one lower folder.
 *
 * <p>What must fail: a key or name twice; a parent that is not there or not committed; mounting a committed snapshot; committing a view;
 * removing a parent. Each as {@link SnapshotException}. A change is durable before the answer: whatever kills the process, the next one
 * finds all that was acknowledged, and nothing half done ({@link StateStore}). Thread safe.
 */
public final class Snapshotter implements Closeable {
    private static final Logger LOG = LoggerFactory.getLogger(Snapshotter.class);

    private final StateStore store;
    private final SnapshotFolders folders;
    private final SnapshotMounts mounts;
    private final ImageDecisions decisions;
    private final LazyImages lazyImages;
    private final NeededImages neededImages;
    private final UsageCounter usages = new UsageCounter();
    /** Held over a change, from checking it to making it durable; never while a registry or a mount is waited for. */
    private final ReentrantLock changing = new ReentrantLock();

    private long nextId;

    private Snapshotter(StateStore store, SnapshotFolders folders, LazyImages lazyImages, MeterRegistry meters)
            throws IOException {
        this.store = store;
        this.folders = folders;
        this.lazyImages = lazyImages;
        this.mounts = new SnapshotMounts(folders, lazyImages, SnapshotMounts.probeOverlayOptions());
        this.decisions = new ImageDecisions(lazyImages, meters);
        this.neededImages = new NeededImages(store, decisions);
        meters.gauge("rafter.snapshotter.snapshots", store, all -> all.all().size());
    }

    /**
     * Opens the snapshots below a folder, or begins anew; mends what a crash left behind. Asks no registry.
     *
     * @param root holds {@code state.db} and {@code snapshots/}
     * @throws IOException if the folder cannot be used
     */
    public static Snapshotter open(Path root, LazyImages lazyImages, MeterRegistry meters) throws IOException {
        return open(root, lazyImages, meters, Steps.NONE);
    }

    static Snapshotter open(Path root, LazyImages lazyImages, MeterRegistry meters, Steps steps) throws IOException {
        Files.createDirectories(root);
        SnapshotFolders folders = new SnapshotFolders(root.resolve("snapshots"), steps);
        StateStore store = StateStore.open(root, !folders.ids().isEmpty(), steps);
        try {
            Snapshotter snapshotter = new Snapshotter(store, folders, lazyImages, meters);
            snapshotter.mend();
            return snapshotter;
        } catch (IOException | RuntimeException | Error e) {
            store.close();
            throw e;
        }
    }

    /** Takes no space: the disk may be full. */
    private void mend() throws IOException {
        Set<Long> unknown = folders.ids();
        nextId = 1 + unknown.stream().mapToLong(Long::longValue).max().orElse(0);
        for (Snapshot snapshot : store.all()) {
            unknown.remove(snapshot.id());
            nextId = Math.max(nextId, snapshot.id() + 1);
            mend(snapshot);
        }
        if (store.isIncomplete()) {
            unknown.forEach(id -> LOG.warn("snapshot folder {} is of no known snapshot and is kept", id));
        } else {
            unknown.forEach(folders::discard);
        }
        for (Snapshot snapshot : store.all()) {
            if (!snapshot.parent().isEmpty() && store.find(snapshot.parent()).isEmpty()) {
                store.assume(standIn(snapshot.parent()));
            }
        }
    }

    private void mend(Snapshot snapshot) {
        if (hasFiles(snapshot)) {
            if (snapshot.kind() == Kind.COMMITTED && snapshot.usage() == null) {
                count(snapshot);
            }
        } else if (snapshot.kind() != Kind.COMMITTED) {
            LOG.error("snapshot {} has lost its files (folder {}): it is empty now", snapshot.name(), snapshot.id());
        } else if (!snapshot.isLazy() && !isStandIn(snapshot)) {
            LOG.warn(
                    "snapshot {} has lost its files (folder {}); if it is an image layer it is made again when needed",
                    snapshot.name(),
                    snapshot.id());
        }
    }

    /**
     * Makes an active snapshot.
     *
     * @param parent the name of a committed snapshot, or "" to begin with nothing
     * @return the mounts to see it with
     * @throws SnapshotException ALREADY_EXISTS also if {@code labels} ask for an image layer and it is served lazily
     */
    public List<Mount> prepare(String key, String parent, Map<String, String> labels) throws IOException {
        Labels.check(labels);
        if (!labels.containsKey(Labels.REF)) {
            return create(Kind.ACTIVE, key, parent, labels, null);
        }
        Origin origin = decisions.origin(labels, store.find(parent).orElse(null));
        if (!origin.lazy()) {
            return create(Kind.ACTIVE, key, parent, labels, origin);
        }
        commitLazy(key, parent, labels, origin);
        lazyImages.hold(Objects.requireNonNull(origin.layer()));
        throw SnapshotException.alreadyExists(key);
    }

    /** Makes a read-only snapshot; as {@link #prepare}. */
    public List<Mount> view(String key, String parent, Map<String, String> labels) throws IOException {
        Labels.check(labels);
        return create(Kind.VIEW, key, parent, labels, null);
    }

    private List<Mount> create(Kind kind, String key, String parent, Map<String, String> asked, @Nullable Origin origin)
            throws IOException {
        List<Path> lowers = parent.isEmpty() ? List.of() : mounts.lowers(store.chain(committed(parent)));
        Map<String, String> labels = isRemapped(parent) ? UserNamespace.without(asked) : asked;
        SnapshotFolders.Owner owner = owner(lowers, labels);
        changing.lock();
        try {
            requireFree(key);
            if (!parent.isEmpty()) {
                committed(parent);
            }
            Instant now = Instant.now();
            Snapshot made = new Snapshot(nextId++, key, parent, kind, now, now, labels, null, origin);
            store(made, owner);
            return mounts.of(made, lowers);
        } finally {
            changing.unlock();
        }
    }

    private void store(Snapshot made, SnapshotFolders.@Nullable Owner owner) throws IOException {
        try {
            folders.create(made.id(), made.kind() == Kind.ACTIVE, owner);
            store.put(made);
        } catch (IOException e) {
            folders.discard(made.id());
            throw e;
        }
    }

    private boolean isRemapped(String parent) {
        return store.find(parent)
                .filter(found -> found.labels().containsKey(Labels.REMAPPED))
                .isPresent();
    }

    /** The writable side's topmost folder belongs to whom the image's does, as seen from the container's user namespace. */
    private static SnapshotFolders.@Nullable Owner owner(List<Path> lowers, Map<String, String> labels)
            throws IOException {
        UserNamespace namespace = UserNamespace.of(labels).orElse(null);
        if (lowers.isEmpty()) {
            return namespace == null ? null : namespace.root();
        }
        SnapshotFolders.Owner owner = SnapshotFolders.Owner.of(lowers.getFirst());
        return namespace == null ? owner : namespace.toHost(owner);
    }

    /** Stores the committed snapshot that containerd will look for, unless one is there: another namespace may have it already. */
    private void commitLazy(String key, String parent, Map<String, String> labels, Origin origin) throws IOException {
        changing.lock();
        try {
            requireFree(key);
            if (!parent.isEmpty() && store.find(parent).isEmpty()) {
                store.put(standIn(parent));
            } else if (!parent.isEmpty()) {
                committed(parent);
            }
            String ref = labels.getOrDefault(Labels.REF, "");
            if (store.all().stream().noneMatch(other -> isLayer(other, ref, parent))) {
                long id = nextId++;
                String name = ref.isEmpty() || store.find(ref).isPresent() ? ref + "#" + id : ref;
                Instant now = Instant.now();
                store.put(new Snapshot(id, name, parent, Kind.COMMITTED, now, now, labels, Usage.NONE, origin));
            }
        } finally {
            changing.unlock();
        }
    }

    private static boolean isLayer(Snapshot snapshot, String ref, String parent) {
        return snapshot.kind() == Kind.COMMITTED
                && snapshot.parent().equals(parent)
                && ref.equals(snapshot.labels().get(Labels.REF));
    }

    /**
     * Stands in for a committed snapshot that containerd believes in and that we have lost, so that images which share it can be served:
     * a lazy layer needs nothing from what is below it. It has no files; what would need them is refused.
     */
    private Snapshot standIn(String name) {
        LOG.warn("image layer {} is not known here any more, though containerd uses it: its state was lost", name);
        Instant now = Instant.now();
        return new Snapshot(nextId++, name, "", Kind.COMMITTED, now, now, Map.of(), Usage.NONE, null);
    }

    private static boolean isStandIn(Snapshot snapshot) {
        return !snapshot.isLazy() && Usage.NONE.equals(snapshot.usage());
    }

    /** How to mount an active snapshot or a view; mounts a lazily served image below it again if need be. */
    public List<Mount> mounts(String key) throws IOException {
        Snapshot snapshot = store.find(key)
                .orElseThrow(() -> new SnapshotException(
                        SnapshotException.Code.NOT_FOUND,
                        "snapshot " + key
                                + ": not found; if it was a container's, what that had written is lost, and the"
                                + " container has to be made anew"));
        if (snapshot.kind() == Kind.COMMITTED) {
            throw SnapshotException.precondition("snapshot " + key + " is committed and has no mounts");
        }
        List<Snapshot> chain = store.chain(snapshot);
        List<Path> lowers = mounts.lowers(chain.subList(1, chain.size()));
        if (!hasFiles(snapshot)) {
            makeFoldersAgain(snapshot, lowers);
        }
        return mounts.of(snapshot, lowers);
    }

    private void makeFoldersAgain(Snapshot lost, List<Path> lowers) throws IOException {
        SnapshotFolders.Owner owner = owner(lowers, lost.labels());
        changing.lock();
        try {
            if (existing(lost.name()).id() == lost.id()) {
                folders.create(lost.id(), lost.kind() == Kind.ACTIVE, owner);
            }
        } finally {
            changing.unlock();
        }
    }

    /**
     * Makes an active snapshot immutable, under a name in the place of its key.
     *
     * @param labels replace those it had
     * @param parent "", or what it has to be on; one without parent is put onto it
     */
    public void commit(String name, String key, Map<String, String> labels, String parent) throws IOException {
        Labels.check(labels);
        changing.lock();
        try {
            requireFree(name);
            Snapshot active = existing(key);
            if (active.kind() != Kind.ACTIVE) {
                throw SnapshotException.precondition("snapshot " + key + " is not active and cannot be committed");
            }
            if (!hasFiles(active)) {
                throw SnapshotException.precondition("snapshot " + key + " has lost its files and cannot be committed");
            }
            Snapshot committed = active.committed(name, parentAfterCommit(active, parent), labels, Instant.now());
            store.rename(key, committed);
            count(committed);
        } finally {
            changing.unlock();
        }
    }

    private String parentAfterCommit(Snapshot active, String wanted) throws SnapshotException {
        if (wanted.isEmpty() || wanted.equals(active.parent())) {
            return active.parent();
        }
        if (!active.parent().isEmpty()) {
            throw SnapshotException.invalid("snapshot " + active.name() + " is on " + active.parent()
                    + " and cannot be committed onto " + wanted);
        }
        return committed(wanted).name();
    }

    private void count(Snapshot committed) {
        usages.forget(committed.id());
        var _ = usages.start(committed.id(), folders.fs(committed.id())).thenAccept(usage -> keep(committed, usage));
    }

    private void keep(Snapshot counted, Usage usage) {
        changing.lock();
        try {
            Optional<Snapshot> now = store.find(counted.name());
            if (now.isPresent() && now.get().id() == counted.id()) {
                store.note(now.get().withUsage(usage));
            }
            usages.forget(counted.id());
        } catch (IOException e) {
            LOG.warn("the usage of {} is counted again at the next start: {}", counted.name(), e.getMessage());
        } finally {
            changing.unlock();
        }
    }

    /** Removes a snapshot that is nobody's parent; its files go in the background. */
    public void remove(String key) throws IOException {
        Snapshot removed;
        changing.lock();
        try {
            removed = existing(key);
            if (store.hasChildren(key)) {
                throw SnapshotException.precondition("cannot remove snapshot " + key + ": it has children");
            }
            store.remove(key);
        } finally {
            changing.unlock();
        }
        usages.forget(removed.id());
        folders.discard(removed.id());
        if (removed.isLazy()) {
            neededImages.removed(removed.lazyLayer().manifest());
        }
    }

    /** Has images let go that nothing needs any more. To be called now and then, and in no call of containerd: it may take its time. */
    public void releaseImages() {
        lazyImages.release(neededImages::all);
    }

    /**
     * What is known of a snapshot. Of an image layer that is lost, that it is there: containerd asks only for what it has a record of, and
     * could do nothing about it, since it would not unpack the layer again. It is made again when it is needed, see {@link LostLayers}.
     */
    public SnapshotInfo stat(String key) throws IOException {
        return LayerName.of(key).isPresent() && layer(key).isEmpty()
                ? new SnapshotInfo(key, "", Kind.COMMITTED, Instant.EPOCH, Instant.EPOCH, Map.of(Labels.LOST, key))
                : SnapshotInfo.of(existing(key));
    }

    /** An image layer, if it is here or is at least known well enough to be made again. */
    Optional<Snapshot> layer(String name) {
        return store.find(name)
                .filter(found -> found.isLazy() || found.labels().containsKey(Labels.LAYER_DIGEST) || hasFiles(found));
    }

    boolean hasFiles(Snapshot snapshot) {
        return Files.isDirectory(folders.fs(snapshot.id()));
    }

    /** The image layer that containerd means in a namespace; a lazy one may be shared by several. */
    Snapshot layerOfChain(String chainId, String namespace) throws SnapshotException {
        List<Snapshot> found = store.all().stream()
                .filter(snapshot -> snapshot.kind() == Kind.COMMITTED)
                .filter(snapshot -> LayerName.of(snapshot.name())
                        .filter(layer -> layer.chainId().equals(chainId))
                        .isPresent())
                .toList();
        return found.stream()
                .filter(snapshot -> snapshot.name().startsWith(namespace + "/"))
                .findFirst()
                .or(() -> found.stream().findFirst())
                .orElseThrow(() -> SnapshotException.notFound(chainId));
    }

    /** Makes a lazy layer again that was lost. */
    void restoreLazy(String name, String parent, Map<String, String> labels) throws IOException {
        Origin origin = decisions.origin(labels, null);
        if (!origin.lazy()) {
            throw SnapshotException.precondition(name + " cannot be served lazily: " + origin.explanation());
        }
        Instant now = Instant.now();
        replace(new Snapshot(newId(), name, parent, Kind.COMMITTED, now, now, labels, Usage.NONE, origin));
        lazyImages.hold(Objects.requireNonNull(origin.layer()));
    }

    /** Has the files of a lost layer written, given the mounts to write them to. */
    @FunctionalInterface
    interface Unpacking {
        void into(List<Mount> mounts) throws IOException;
    }

    /** Makes any other layer again that was lost. */
    void restore(String name, String parent, Map<String, String> labels, Unpacking unpacking) throws IOException {
        List<Path> lowers = parent.isEmpty() ? List.of() : mounts.lowers(store.chain(committed(parent)));
        Instant now = Instant.now();
        Origin origin = Origin.pulled(
                "this node's snapshots were lost", Labels.imageLayer(labels).orElse(null));
        Snapshot made = new Snapshot(newId(), name, parent, Kind.ACTIVE, now, now, labels, null, origin);
        try {
            folders.create(made.id(), true, lowers.isEmpty() ? null : SnapshotFolders.Owner.of(lowers.getFirst()));
            unpacking.into(mounts.of(made, lowers));
            replace(made.committed(name, parent, labels, now));
        } catch (IOException e) {
            folders.discard(made.id());
            throw e;
        }
    }

    private long newId() {
        changing.lock();
        try {
            return nextId++;
        } finally {
            changing.unlock();
        }
    }

    private void replace(Snapshot made) throws IOException {
        changing.lock();
        try {
            Optional<Snapshot> old = store.find(made.name());
            store.put(made);
            old.ifPresent(gone -> folders.discard(gone.id()));
            if (made.usage() == null) {
                count(made);
            }
        } finally {
            changing.unlock();
        }
    }

    /**
     * Changes labels.
     *
     * @param mask what of {@code labels} counts, see {@link LabelUpdate}
     */
    public SnapshotInfo update(String key, Map<String, String> labels, List<String> mask) throws IOException {
        changing.lock();
        try {
            Snapshot old = existing(key);
            Map<String, String> wanted = LabelUpdate.apply(old.labels(), labels, mask);
            Labels.check(wanted);
            Snapshot changed = old.withLabels(wanted, Instant.now());
            store.put(changed);
            return SnapshotInfo.of(changed);
        } finally {
            changing.unlock();
        }
    }

    /** All snapshots that one of the filters matches, see {@link SnapshotFilter}; all if there is none. */
    public List<SnapshotInfo> list(List<String> filters) throws IOException {
        List<SnapshotFilter> any = SnapshotFilter.parseAll(filters);
        return store.all().stream()
                .filter(snapshot -> any.stream().anyMatch(filter -> filter.matches(snapshot)))
                .map(SnapshotInfo::of)
                .toList();
    }

    /**
     * What a snapshot takes on disk by itself. Of a committed one it is known for good soon after the commit; of a lazy one it is what this
     * node has of the layer now, and counts for each snapshot of that layer.
     */
    public Usage usage(String key) throws IOException {
        Snapshot snapshot = existing(key);
        if (snapshot.isLazy()) {
            return usages.now(snapshot.id(), lazyImages.data(snapshot.lazyLayer()));
        }
        if (snapshot.usage() != null) {
            return snapshot.usage();
        }
        Path files = folders.fs(snapshot.id());
        return switch (snapshot.kind()) {
            case COMMITTED -> usages.await(snapshot.id(), files);
            case ACTIVE, VIEW -> usages.now(snapshot.id(), files);
        };
    }

    /** Waits until the files of all removed snapshots are deleted. */
    public void cleanup() throws IOException {
        folders.drain();
    }

    private Snapshot existing(String name) throws SnapshotException {
        return store.find(name).orElseThrow(() -> SnapshotException.notFound(name));
    }

    private Snapshot committed(String parent) throws SnapshotException {
        Snapshot found = store.find(parent).orElseThrow(() -> missing(parent));
        if (found.kind() != Kind.COMMITTED) {
            throw SnapshotException.invalid("parent snapshot " + parent + " is not committed");
        }
        return found;
    }

    private static SnapshotException missing(String parent) {
        return LayerName.of(parent).isPresent()
                ? new LostLayerException(parent, "containerd was not asked", null)
                : new SnapshotException(SnapshotException.Code.NOT_FOUND, "parent snapshot " + parent + ": not found");
    }

    private void requireFree(String name) throws SnapshotException {
        if (name.isEmpty()) {
            throw SnapshotException.invalid("a snapshot needs a key");
        }
        if (store.find(name).isPresent()) {
            throw SnapshotException.alreadyExists(name);
        }
    }

    @Override
    public void close() throws IOException {
        usages.close();
        folders.close();
        changing.lock();
        try {
            store.close();
        } finally {
            changing.unlock();
        }
    }
}
