package dev.rafter.registry;

import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Reference;
import dev.rafter.registry.auth.Scope;
import dev.rafter.registry.http.Backoff;
import dev.rafter.registry.http.Deadline;
import dev.rafter.registry.http.HttpBody;
import dev.rafter.registry.http.HttpRequest;
import dev.rafter.registry.http.HttpResponse;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The upload of one blob. First in one piece, which every registry takes. If that breaks, or is too much for something on the way
 * (413), in chunks: then a broken connection costs one chunk where the registry says how far we came; one that gives up an upload whose
 * chunk broke, as distribution 2 does, gets all chunks again. A registry that knows no chunks gets the whole again. For one thread.
 */
final class BlobUpload {
    private static final String OCTETS = "application/octet-stream";
    private static final Pattern RANGE = Pattern.compile("(?:bytes=)?0-(\\d{1,18})");

    /** Answers to a chunk that mean: not in chunks. */
    private static final Set<Integer> CHUNKS_UNKNOWN = Set.of(400, 404, 405, 411, 501);

    private enum Mode {
        WHOLE,
        CHUNKS,
        WHOLE_ONLY
    }

    private final RegistryHost host;
    private final Scope scope;
    private final Reference reference;
    private final Descriptor descriptor;
    private final ImageTarget.Content content;
    private final RegistryOptions options;
    private final Backoff backoff;
    private final String what;
    private Mode mode = Mode.WHOLE;
    private @Nullable URI session;
    private long sent;
    /** Attempts count anew only behind this: where each begins from the first byte there would be no end. */
    private long furthest;

    BlobUpload(
            RegistryHost host,
            Scope scope,
            Reference reference,
            Descriptor descriptor,
            ImageTarget.Content content,
            RegistryOptions options) {
        this.host = host;
        this.scope = scope;
        this.reference = reference;
        this.descriptor = descriptor;
        this.content = content;
        this.options = options;
        this.backoff = new Backoff(options.blobs(), Deadline.NONE);
        this.what = "pushing blob " + descriptor.digest() + " to " + reference;
    }

    void run() throws IOException {
        while (true) {
            IOException failure;
            try {
                if (mode == Mode.CHUNKS) {
                    sendChunks();
                } else {
                    sendWhole();
                }
                return;
            } catch (IOException e) {
                failure = e;
            }
            if ((!changeMode(failure) && !RegistryHost.mayRetry(failure)) || !backoff.await(null)) {
                throw host.failures.failed(failure, what);
            }
        }
    }

    /** Whether the next attempt goes another way than the last. */
    private boolean changeMode(IOException failure) {
        int status = failure instanceof RegistryException refusal ? refusal.status() : 0;
        if (mode == Mode.WHOLE && descriptor.size() > 0 && (status == 413 || RegistryHost.mayRetry(failure))) {
            mode = Mode.CHUNKS;
            session = null;
            return true;
        }
        if (mode == Mode.CHUNKS && sent == 0 && CHUNKS_UNKNOWN.contains(status)) {
            mode = Mode.WHOLE_ONLY;
            return true;
        }
        if (mode == Mode.CHUNKS && status == 404) {
            session = null; // the registry forgot the upload
            return true;
        }
        return mode == Mode.CHUNKS && status == 416; // it has another number of bytes than we think: ask
    }

    private void sendWhole() throws IOException {
        URI begun = begin();
        finish(begun, new HttpBody(OCTETS, descriptor.size(), content::open));
    }

    private void sendChunks() throws IOException {
        URI current = session;
        if (current == null) {
            current = begin();
            sent = 0;
        } else {
            current = resume(current);
        }
        while (sent < descriptor.size()) {
            session = current;
            current = sendChunk(current);
        }
        session = null; // whatever finishing does, the session is used up
        finish(current, null);
    }

    private URI begin() throws IOException {
        HttpRequest request = host.request("POST", reference.repository() + "/blobs/uploads/", documentDeadline());
        return host.exchange(request, scope, what, response -> {
            if (response.status() != 202) {
                throw host.failures.refused(response, what);
            }
            return host.location(response);
        });
    }

    /** Asks how far the upload came; one that is gone begins again. */
    private URI resume(URI broken) throws IOException {
        return host.exchange(new HttpRequest("GET", broken, documentDeadline()), scope, what, response -> {
            Matcher range = range(response);
            if (response.status() != 204 || !range.matches()) {
                sent = 0;
                return begin();
            }
            sent = received(range);
            return response.header("Location") == null ? broken : host.location(response);
        });
    }

    private URI sendChunk(URI to) throws IOException {
        long from = sent;
        long length = Math.min(options.uploadChunkBytes(), descriptor.size() - from);
        HttpRequest patch = new HttpRequest("PATCH", to, Deadline.NONE)
                .with("Content-Range", from + "-" + (from + length - 1))
                .withBody(new HttpBody(OCTETS, length, () -> openAt(from)));
        try (HttpResponse response = host.send(patch, scope)) {
            if (response.status() != 202) {
                throw host.failures.refused(response, what);
            }
            Matcher range = range(response);
            sent = range.matches() && from + length > 1 ? received(range) : from + length;
            if (sent <= from || sent > from + length) {
                throw host.failures.protocol(
                        response,
                        what,
                        "was sent bytes " + from + "-" + (from + length - 1) + " and says it has " + sent);
            }
            if (sent > furthest) {
                furthest = sent;
                backoff.reset();
            }
            return host.location(response);
        }
    }

    private InputStream openAt(long offset) throws IOException {
        InputStream in = content.open();
        try {
            in.skipNBytes(offset);
            return in;
        } catch (IOException e) {
            in.close();
            throw e;
        }
    }

    private static Matcher range(HttpResponse response) {
        String header = response.header("Range");
        return RANGE.matcher(header == null ? "" : header.strip());
    }

    /** "0-0" is what distribution says of nothing as well as of one byte. */
    private static long received(Matcher range) {
        long last = Long.parseLong(range.group(1));
        return last == 0 ? 0 : last + 1;
    }

    private void finish(URI location, @Nullable HttpBody body) throws IOException {
        String separator = location.getRawQuery() == null ? "?" : "&";
        URI target = URI.create(location + separator + "digest=" + RegistryTarget.escaped(descriptor.digest()));
        HttpRequest put = new HttpRequest("PUT", target, Deadline.NONE);
        try (HttpResponse response = host.send(body == null ? put : put.withBody(body), scope)) {
            if (response.status() != 201 && response.status() != 204) {
                throw host.failures.refused(response, what);
            }
        }
    }

    private Deadline documentDeadline() {
        return Deadline.after(options.documentTimeout());
    }
}
