package dev.rafter.registry.layout;

import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Digest;
import dev.rafter.oci.DocumentException;
import dev.rafter.oci.Index;
import dev.rafter.oci.Json;
import dev.rafter.oci.MediaTypes;
import dev.rafter.oci.Reference;
import dev.rafter.registry.ImageReference;
import dev.rafter.registry.ImageSource;
import dev.rafter.registry.Ranges;
import dev.rafter.registry.RegistryException;
import dev.rafter.registry.VerifyingInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import java.nio.file.Files;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * An image in an OCI layout. Its tag is the annotation {@code org.opencontainers.image.ref.name} of an entry of {@code index.json},
 * or what containerd writes, {@code io.containerd.image.name}. Entries of one tag for several platforms are an index by themselves.
 */
public final class LayoutSource implements ImageSource {
    static final String REF_NAME = "org.opencontainers.image.ref.name";
    static final String CONTAINERD_NAME = "io.containerd.image.name";

    private final LayoutFiles files;
    private final @Nullable String tag;
    private final Map<Digest, byte[]> synthesised = new ConcurrentHashMap<>();

    LayoutSource(LayoutFiles files, @Nullable String tag) {
        this.files = files;
        this.tag = tag;
    }

    /**
     * @throws IOException if there is no layout in that directory
     */
    public static LayoutSource openDirectory(ImageReference.Layout reference) throws IOException {
        if (!Files.isDirectory(reference.directory())) {
            throw missing(reference.display() + ": there is no directory " + reference.directory());
        }
        LayoutFiles files = new DirectoryFiles(reference.directory(), reference.display());
        if (files.size("oci-layout").isEmpty()) {
            throw missing(reference.display() + ": " + reference.directory()
                    + " is no OCI layout: it has no file oci-layout");
        }
        return new LayoutSource(files, reference.tag());
    }

    static RegistryException missing(String message) {
        return new RegistryException(RegistryException.Reason.NOT_FOUND, message, 0, "", "", false, null);
    }

    @Override
    public String describe() {
        return files.describe();
    }

    @Override
    public Descriptor resolve() throws IOException {
        Index index = Index.parse(files.document("index.json"), "index.json of " + describe());
        List<Descriptor> entries =
                index.manifests().stream().filter(this::isAskedFor).distinct().toList();
        if (entries.isEmpty()) {
            throw missing(describe() + ": no such image; there are " + names(index));
        }
        if (entries.size() == 1) {
            Descriptor entry = entries.getFirst();
            return new Descriptor(entry.mediaType(), entry.digest(), entry.size());
        }
        boolean platforms =
                entries.stream().allMatch(e -> e.platform() != null && MediaTypes.isManifest(e.mediaType()));
        boolean oneName = entries.stream().map(LayoutSource::name).distinct().count() == 1;
        if (!platforms || !oneName) {
            throw missing(describe() + ": which of the images? There are " + names(index));
        }
        return synthesise(entries);
    }

    private Descriptor synthesise(List<Descriptor> entries) {
        byte[] document = new Index(
                        MediaTypes.OCI_INDEX,
                        entries.stream().map(e -> e.withAnnotations(Map.of())).toList())
                .toJson();
        Digest digest = Digest.sha256(document);
        synthesised.put(digest, document);
        return new Descriptor(MediaTypes.OCI_INDEX, digest, document.length);
    }

    private boolean isAskedFor(Descriptor entry) {
        if (tag == null) {
            return true;
        }
        String refName = entry.annotations().getOrDefault(REF_NAME, "");
        String fullName = entry.annotations().getOrDefault(CONTAINERD_NAME, "");
        return tag.equals(refName) || isNamed(fullName, tag) || isNamed(refName, tag);
    }

    /** Whether a name that may hold a repository is meant by NAME:TAG, in Docker's short form too, or by the tag alone. */
    static boolean isNamed(String name, String asked) {
        if (name.isEmpty()) {
            return false;
        }
        int colon = name.indexOf(':', name.lastIndexOf('/') + 1);
        if (name.equals(asked) || (colon >= 0 && name.substring(colon + 1).equals(asked))) {
            return true;
        }
        try {
            return colon >= 0 && Reference.parse(name).equals(Reference.parse(asked));
        } catch (IllegalArgumentException e) {
            return false; // one of them is no reference: they are not the same
        }
    }

    private static String name(Descriptor entry) {
        String full = entry.annotations().get(CONTAINERD_NAME);
        return full != null ? full : entry.annotations().getOrDefault(REF_NAME, "");
    }

    private static String names(Index index) {
        String names = index.manifests().stream()
                .map(entry -> name(entry).isEmpty() ? "one without a tag" : name(entry))
                .distinct()
                .limit(20)
                .collect(Collectors.joining(", "));
        return names.isEmpty() ? "none" : names;
    }

    @Override
    public byte[] document(Descriptor descriptor) throws IOException {
        byte[] own = synthesised.get(descriptor.digest());
        if (own != null) {
            return own.clone();
        }
        if (descriptor.size() > Json.MAX_DOCUMENT_BYTES) {
            throw new DocumentException(
                    "document " + descriptor.digest() + " of " + describe(),
                    "has " + descriptor.size() + " bytes, more than " + Json.MAX_DOCUMENT_BYTES,
                    null);
        }
        try (InputStream in = blob(descriptor)) {
            return in.readAllBytes();
        }
    }

    @Override
    public InputStream blob(Descriptor descriptor) throws IOException {
        String name = existing(descriptor);
        return new VerifyingInputStream(
                Channels.newInputStream(files.open(name, 0, descriptor.size())), descriptor, describe());
    }

    @Override
    public ReadableByteChannel range(Descriptor descriptor, long offset, long lengthBytes, Duration timeout)
            throws IOException {
        Objects.requireNonNull(timeout);
        Ranges.check(descriptor, offset, lengthBytes);
        return files.open(existing(descriptor), offset, lengthBytes);
    }

    private String existing(Descriptor descriptor) throws IOException {
        String name = blobName(descriptor.digest());
        OptionalLong size = files.size(name);
        if (size.isEmpty()) {
            throw missing(describe() + ": there is no blob " + descriptor.digest());
        }
        if (size.getAsLong() != descriptor.size()) {
            throw new DocumentException(
                    "blob " + descriptor.digest() + " of " + describe(),
                    "has " + size.getAsLong() + " bytes, its descriptor says " + descriptor.size(),
                    null);
        }
        return name;
    }

    static String blobName(Digest digest) {
        return "blobs/" + digest.algorithm() + "/" + digest.hex();
    }

    /** Files are opened for each read. */
    @Override
    public void close() {}
}
