package dev.rafter.snapshotter;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes image layers again that containerd believes in and that were lost here, under their old names. containerd would not ask anew: it
 * takes a layer that it has a record of for unpacked, whatever is pulled. But the record still has the labels of the pull, which tell the
 * image and the layer's blob, and it has mostly kept the blob. So a lazy layer is decided again, and of any other containerd unpacks the
 * blob once more, when the first container or layer on top of it is asked for. What a container had written is not known to anybody else
 * and cannot be made again. Thread safe.
 */
final class LostLayers {
    private static final Logger LOG = LoggerFactory.getLogger(LostLayers.class);
    private static final int MOST_LAYERS = 1024;

    private final Snapshotter snapshotter;
    private final Containerd.Connector connector;
    /** One at a time: they share layers. Held while containerd and registries are waited for. */
    private final ReentrantLock mending = new ReentrantLock();

    /** An attempt at a request. */
    @FunctionalInterface
    interface Attempt<T> {
        T run() throws IOException;
    }

    /**
     * A layer to make again.
     *
     * @param parent the name of the layer below, or ""
     * @param labels as they were when it was pulled
     */
    private record Lost(LayerName layer, String parent, Map<String, String> labels) {}

    LostLayers(Snapshotter snapshotter, Containerd.Connector connector) {
        this.snapshotter = snapshotter;
        this.connector = connector;
    }

    /**
     * Runs a request; if it finds a layer lost, makes that and all below it again, and runs the request once more.
     *
     * @param key of the request's snapshot: containerd makes it begin with its namespace. 1.6 sends that by no other way from every client
     * @param plugin the name under which containerd knows us
     * @throws LostLayerException if a layer is lost and cannot be made again
     */
    <T> T mending(String key, String plugin, Attempt<T> request) throws IOException {
        try {
            return request.run();
        } catch (LostLayerException e) {
            mend(e, key.substring(0, Math.max(0, key.indexOf('/'))), plugin);
            return request.run();
        }
    }

    private void mend(LostLayerException lost, String namespace, String plugin) throws LostLayerException {
        mending.lock();
        try (Containerd containerd = connector.connect(namespace, plugin)) {
            Deque<Lost> missing = find(lost.name(), namespace, containerd);
            if (!missing.isEmpty()) {
                LOG.warn("{} image layers that containerd uses were lost and are made again", missing.size());
            }
            for (Lost layer : missing) {
                make(layer, containerd);
            }
        } catch (IOException e) {
            throw new LostLayerException(lost.name(), String.valueOf(e.getMessage()), e);
        } finally {
            mending.unlock();
        }
    }

    /** What is lost of a layer and all below it, the bottom first. */
    private Deque<Lost> find(String top, String namespace, Containerd containerd) throws IOException {
        Deque<Lost> missing = new ArrayDeque<>();
        String name = top;
        for (int i = 0; !name.isEmpty() && i < MOST_LAYERS; i++) {
            Optional<Snapshot> known = snapshotter.layer(name);
            if (known.isPresent() && known.get().isLazy()) {
                break;
            }
            Lost layer = known.isPresent() ? ofOurs(known.get()) : ofTheirs(name, namespace, containerd);
            if (known.isEmpty() || !snapshotter.hasFiles(known.get())) {
                missing.addFirst(layer);
            }
            name = layer.parent();
        }
        return missing;
    }

    private static Lost ofOurs(Snapshot known) throws IOException {
        return new Lost(layerName(known.name()), known.parent(), known.labels());
    }

    private Lost ofTheirs(String name, String namespace, Containerd containerd) throws IOException {
        LayerName layer = layerName(name);
        SnapshotInfo record = record(layer.chainId(), containerd);
        String parent = record.parent().isEmpty() ? "" : nameHere(record.parent(), namespace, containerd);
        Map<String, String> labels = new TreeMap<>(record.labels());
        labels.keySet().removeIf(key -> !key.equals(Labels.REF) && !key.startsWith(Labels.PREFIX));
        labels.remove(Labels.LOST);
        labels.remove(Labels.SERVED);
        return new Lost(layer, parent, labels);
    }

    private static LayerName layerName(String name) throws IOException {
        return LayerName.of(name).orElseThrow(() -> new IOException(name + " is not the name of an image layer"));
    }

    private static SnapshotInfo record(String chainId, Containerd containerd) throws IOException {
        return containerd
                .stat(chainId)
                .orElseThrow(() -> new IOException("containerd has no record of the layer " + chainId));
    }

    /** How containerd calls a layer when it speaks with us: told by what we answered when it asked us for it. */
    private String nameHere(String chainId, String namespace, Containerd containerd) throws IOException {
        String lost = record(chainId, containerd).labels().get(Labels.LOST);
        return lost != null
                ? lost
                : snapshotter.layerOfChain(chainId, namespace).name();
    }

    private void make(Lost lost, Containerd containerd) throws IOException {
        String name = lost.layer().name();
        ImageLayer image = Labels.imageLayer(lost.labels())
                .orElseThrow(() -> new IOException("containerd was not told which image it is of when it was pulled"));
        if (Labels.isRafs(lost.labels())) {
            snapshotter.restoreLazy(name, lost.parent(), lost.labels());
        } else {
            snapshotter.restore(name, lost.parent(), lost.labels(), mounts -> {
                if (!lost.layer().isOf(containerd.apply(image.layer(), mounts), LayerName.of(lost.parent()))) {
                    throw new IOException("what containerd has kept of " + image + " is not that layer");
                }
            });
        }
        LOG.info("{} was made again as {}", image, name);
    }
}
