package dev.rafter.registry;

import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Digest;
import dev.rafter.oci.Json;
import dev.rafter.oci.MediaTypes;
import dev.rafter.oci.Reference;
import dev.rafter.registry.auth.Scope;
import dev.rafter.registry.http.Backoff;
import dev.rafter.registry.http.Deadline;
import dev.rafter.registry.http.HttpRequest;
import dev.rafter.registry.http.HttpResponse;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * An image in a registry. Resolving gets the document itself, not only its digest, in one round trip, and keeps it for
 * {@link #document}.
 */
final class RegistrySource implements ImageSource {
    private final Reference reference;
    private final RegistryHost host;
    private final RegistryOptions options;
    private final Scope scope;
    private volatile @Nullable Resolved lastResolved;

    private record Resolved(Descriptor descriptor, byte[] document) {}

    RegistrySource(Reference reference, RegistryHost host, RegistryOptions options) {
        this.reference = reference;
        this.host = host;
        this.options = options;
        this.scope = Scope.pull(reference.repository());
    }

    @Override
    public String describe() {
        return reference.toString();
    }

    RegistryHost host() {
        return host;
    }

    String repository() {
        return reference.repository();
    }

    @Override
    public Descriptor resolve() throws IOException {
        Resolved resolved = manifest(reference.manifestName(), reference.digest());
        lastResolved = resolved;
        return resolved.descriptor;
    }

    @Override
    public byte[] document(Descriptor descriptor) throws IOException {
        Resolved resolved = lastResolved;
        if (resolved != null && resolved.descriptor.digest().equals(descriptor.digest())) {
            return resolved.document.clone();
        }
        if (descriptor.size() > Json.MAX_DOCUMENT_BYTES) {
            throw tooBig(descriptor);
        }
        if (MediaTypes.isIndex(descriptor.mediaType()) || MediaTypes.isManifest(descriptor.mediaType())) {
            return checkedSize(manifest(descriptor.digest().toString(), descriptor.digest()), descriptor);
        }
        try (InputStream in = blob(descriptor, Deadline.after(options.documentTimeout()))) {
            return in.readAllBytes();
        }
    }

    private byte[] checkedSize(Resolved resolved, Descriptor expected) throws RegistryException {
        if (resolved.document.length != expected.size()) {
            throw wrong("manifest " + expected.digest() + " of " + describe() + " has " + resolved.document.length
                    + " bytes, its descriptor says " + expected.size());
        }
        return resolved.document;
    }

    private RegistryException tooBig(Descriptor descriptor) {
        return wrong("document " + descriptor.digest() + " of " + describe() + " has " + descriptor.size()
                + " bytes, more than " + Json.MAX_DOCUMENT_BYTES);
    }

    private static RegistryException wrong(String message) {
        return new RegistryException(RegistryException.Reason.PROTOCOL, message, 0, "", "", false, null);
    }

    private Resolved manifest(String name, @Nullable Digest expected) throws IOException {
        String what = expected == null ? "resolving " + describe() : "manifest " + expected + " of " + describe();
        HttpRequest request = host.request(
                        "GET", repository() + "/manifests/" + name, Deadline.after(options.documentTimeout()))
                .with("Accept", String.join(", ", MediaTypes.RESOLVABLE));
        return host.exchange(request, scope, what, response -> resolved(response, expected, what));
    }

    private Resolved resolved(HttpResponse response, @Nullable Digest expected, String what) throws IOException {
        if (response.status() != 200) {
            throw host.failures.refused(response, what);
        }
        byte[] document;
        try {
            document = response.bytes(Json.MAX_DOCUMENT_BYTES);
        } catch (HttpResponse.BodyTooBigException e) {
            throw host.failures.protocol(
                    response, what, "gave a document of more than " + Json.MAX_DOCUMENT_BYTES + " bytes");
        }
        Digest digest = verified(response, document, expected, what);
        return new Resolved(new Descriptor(mediaType(response, document, what), digest, document.length), document);
    }

    /** The digest of what came, which must be the one that was asked for, and the one that the registry names, if it names one. */
    private Digest verified(HttpResponse response, byte[] document, @Nullable Digest expected, String what)
            throws RegistryException {
        Digest named = expected == null ? named(response) : expected;
        if (named == null) {
            return Digest.sha256(document);
        }
        Digest actual =
                Digest.ofHash(named.algorithm(), named.newMessageDigest().digest(document));
        if (!actual.equals(named)) {
            throw host.failures.protocol(
                    response, what, "gave a document with the digest " + actual + ", not " + named);
        }
        return actual;
    }

    /** The digest that the registry names, if it names one of a kind that can be verified. */
    private static @Nullable Digest named(HttpResponse response) {
        String header = response.header("Docker-Content-Digest");
        try {
            return header == null ? null : Digest.parse(header.strip());
        } catch (IllegalArgumentException e) {
            return null; // it is a hint, and this one does not help
        }
    }

    /** What the registry says it is, else what it says itself; anything else than a manifest or an index is refused here. */
    private String mediaType(HttpResponse response, byte[] document, String what) throws IOException {
        String contentType = response.header("Content-Type");
        String mediaType = contentType == null ? "" : MediaTypes.withoutParameters(contentType);
        if (!MediaTypes.isIndex(mediaType) && !MediaTypes.isManifest(mediaType) && !MediaTypes.isSchema1(mediaType)) {
            mediaType = Json.tree(document, what).path("mediaType").asText(mediaType);
        }
        if (MediaTypes.isSchema1(mediaType)) {
            throw host.failures.protocol(
                    response,
                    what,
                    "gave a manifest of Docker's schema 1, which is not supported: push the image again");
        }
        if (!MediaTypes.isIndex(mediaType) && !MediaTypes.isManifest(mediaType)) {
            throw host.failures.protocol(response, what, "gave \"" + mediaType + "\", neither a manifest nor an index");
        }
        return mediaType;
    }

    @Override
    public InputStream blob(Descriptor descriptor) throws IOException {
        return blob(descriptor, Deadline.NONE);
    }

    private InputStream blob(Descriptor descriptor, Deadline deadline) throws IOException {
        if (descriptor.size() == 0) {
            return new VerifyingInputStream(InputStream.nullInputStream(), descriptor, describe());
        }
        ReadableByteChannel channel = open(descriptor, 0, descriptor.size(), deadline, options.blobs());
        return new VerifyingInputStream(Channels.newInputStream(channel), descriptor, describe());
    }

    @Override
    public ReadableByteChannel range(Descriptor descriptor, long offset, long lengthBytes, Duration timeout)
            throws IOException {
        Ranges.check(descriptor, offset, lengthBytes);
        return open(descriptor, offset, lengthBytes, Deadline.after(timeout), options.ranges());
    }

    private ReadableByteChannel open(
            Descriptor descriptor, long offset, long lengthBytes, Deadline deadline, Backoff.Policy policy)
            throws IOException {
        URI url = host.url(repository() + "/blobs/" + descriptor.digest());
        String what = "blob " + descriptor.digest() + " of " + describe() + ", bytes " + offset + "-"
                + (offset + lengthBytes - 1);
        return BlobChannel.open(host, url, scope, descriptor, offset, lengthBytes, deadline, policy, what);
    }

    /** Connections belong to {@link Images}. */
    @Override
    public void close() {}
}
