package dev.rafter.registry;

import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Digest;
import dev.rafter.oci.Reference;
import dev.rafter.registry.auth.Scope;
import dev.rafter.registry.http.Deadline;
import dev.rafter.registry.http.HttpBody;
import dev.rafter.registry.http.HttpRequest;
import dev.rafter.registry.http.HttpResponse;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;

/** An image pushed to a registry. */
final class RegistryTarget implements ImageTarget {
    private final Reference reference;
    private final RegistryHost host;
    private final RegistryOptions options;
    private final Scope scope;

    RegistryTarget(Reference reference, RegistryHost host, RegistryOptions options) {
        this.reference = reference;
        this.host = host;
        this.options = options;
        this.scope = Scope.push(reference.repository());
    }

    @Override
    public String describe() {
        return reference.toString();
    }

    @Override
    public boolean hasBlob(Descriptor descriptor) throws IOException {
        String what = "looking for blob " + descriptor.digest() + " in " + describe();
        return host.exchange(
                request("HEAD", "blobs/" + descriptor.digest()), scope, what, response -> switch (response.status()) {
                    case 200 -> true;
                    case 404 -> false;
                    default -> throw host.failures.refused(response, what);
                });
    }

    @Override
    public boolean mountBlob(Descriptor descriptor, ImageSource from) throws IOException {
        if (!(from instanceof RegistrySource source) || source.host() != host) {
            return false;
        }
        if (source.repository().equals(reference.repository())) {
            return hasBlob(descriptor);
        }
        String query = "?mount=" + escaped(descriptor.digest()) + "&from="
                + source.repository().replace("/", "%2F");
        String what = "mounting blob " + descriptor.digest() + " of " + source.describe() + " into " + describe();
        try {
            return host.exchange(
                    request("POST", "blobs/uploads/" + query),
                    scope.andPull(source.repository()),
                    what,
                    response -> mounted(response, what));
        } catch (RegistryException e) {
            if (e.reason() == RegistryException.Reason.UNAUTHORIZED) {
                return false; // no token for both repositories; whether there is one for ours the upload will find out
            }
            throw e;
        }
    }

    /** A registry that will not mount begins an upload instead (202), or says that the other repository is not ours to read. */
    private boolean mounted(HttpResponse response, String what) throws IOException {
        return switch (response.status()) {
            case 201 -> true;
            case 202 -> {
                giveUp(host.location(response));
                yield false;
            }
            case 401, 403, 404, 405 -> false;
            default -> throw host.failures.refused(response, what);
        };
    }

    private void giveUp(URI upload) {
        try (HttpResponse _ = host.send(new HttpRequest("DELETE", upload, deadline()), scope)) {
            // Registries also delete by themselves what is not finished: this only spares them the wait.
        } catch (IOException _) {
            // See above.
        }
    }

    @Override
    public void putBlob(Descriptor descriptor, Content content) throws IOException {
        if (!hasBlob(descriptor)) {
            new BlobUpload(host, scope, reference, descriptor, content, options).run();
        }
    }

    @Override
    public Descriptor putManifest(String mediaType, byte[] document, boolean tagged) throws IOException {
        Digest digest = Digest.sha256(document);
        if (tagged && reference.digest() != null && !reference.digest().equals(digest)) {
            throw new IllegalArgumentException("the manifest for " + describe() + " has the digest " + digest);
        }
        String name = tagged ? reference.effectiveTag().orElse(digest.toString()) : digest.toString();
        String what = "pushing the manifest of " + describe();
        HttpRequest put = request("PUT", "manifests/" + name)
                .withBody(new HttpBody(mediaType, document.length, () -> new ByteArrayInputStream(document)));
        return host.exchange(put, scope, what, response -> {
            if (response.status() != 201) {
                throw host.failures.refused(response, what);
            }
            String stored = response.header("Docker-Content-Digest");
            if (stored != null && stored.startsWith("sha256:") && !stored.equals(digest.toString())) {
                throw host.failures.protocol(
                        response, what, "stored it under the digest " + stored + ", not " + digest);
            }
            return new Descriptor(mediaType, digest, document.length);
        });
    }

    private HttpRequest request(String method, String path) {
        return host.request(method, reference.repository() + "/" + path, deadline());
    }

    private Deadline deadline() {
        return Deadline.after(options.documentTimeout());
    }

    static String escaped(Digest digest) {
        return digest.toString().replace(":", "%3A");
    }

    /** Connections belong to {@link Images}. */
    @Override
    public void close() {}
}
