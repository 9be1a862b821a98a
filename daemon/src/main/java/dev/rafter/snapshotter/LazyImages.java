package dev.rafter.snapshotter;

import dev.rafter.oci.Digest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/** What the snapshotter needs from the machinery that serves images lazily. Thread safe. */
public interface LazyImages {
    /** Serves nothing lazily. */
    LazyImages NONE = new NoLazyImages("lazy serving is off on this node");

    /**
     * Decides how an image is served: asked once, at the first layer that a pull prepares. May ask the registry. When it answers {@link
     * Decision.Lazy}, the image's bootstrap is on disk and validated. An image that says it is RAFS ({@link Labels#isRafs}) cannot be
     * pulled in the normal way: what keeps it from being served lazily is thrown. Other images should be decided without asking
     * anybody where possible: their pull waits for the answer.
     *
     * @param layer the layer being prepared
     * @param labels all labels of its snapshot, layer annotations among them
     * @throws IOException why it cannot be decided; fails the pull of an image that containerd cannot unpack, and sends any other to
     *     the normal pull
     */
    Decision decide(ImageLayer layer, Map<String, String> labels) throws IOException;

    /**
     * Where the image's file system, up to and including this layer, is mounted; mounts it if it is not, without asking a registry as
     * long as the bootstrap is on disk. The path stays the same and mounted until {@link #release}.
     *
     * @throws IOException if it cannot be mounted, or this layer is not the image's last and has no file system by itself
     */
    Path mount(ImageLayer layer) throws IOException;

    /**
     * The folder that holds what this node has of a layer, which grows as the layer is read: the cache of its blob, or the bootstrap. It
     * need not exist. Asks no registry.
     */
    Path data(ImageLayer layer) throws IOException;

    /**
     * A snapshot that needs the image was stored. Sees to it that what {@link #decide} has brought is here: it may have been let go since,
     * and is asked for again then.
     *
     * @throws IOException if it is not here and cannot be had
     */
    void hold(ImageLayer layer) throws IOException;

    /**
     * Lets go of all images that it holds and nobody needs: unmounts them, and deletes what no other image has. What cannot go yet, since
     * something still reads from it or keeps it busy, goes at a later call, and so does what a process that died left half done. To be
     * called now and then. Asks no registry; a failure stays with its image and is logged.
     *
     * @param needed the images that are needed now; asked again before each that goes
     */
    void release(Supplier<Set<Digest>> needed);

    /** How an image is served. */
    sealed interface Decision {
        /**
         * Lazily.
         *
         * @param layers the layers that nobody has to fetch; layers of the image that are not among them are pulled normally
         */
        record Lazy(Set<Digest> layers) implements Decision {
            public Lazy {
                layers = Set.copyOf(layers);
            }
        }

        /**
         * By containerd, as any snapshotter would.
         *
         * @param explanation why, for a person: "is no RAFS image"
         */
        record Plain(Why why, String explanation) implements Decision {}
    }

    /** Why an image is not served lazily, for counting. */
    enum Why {
        /** The client sent no image labels. */
        NO_LABELS,
        /** The image is of no kind that can be served lazily. */
        FORMAT,
        /** The node cannot: its kernel, or its configuration. */
        NODE,
        /** It could not be found out: the registry refused or was not reached, or the image is wrong. */
        ERROR
    }
}
