package dev.rafter.registry.http;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import okhttp3.Call;
import okhttp3.ConnectionPool;
import okhttp3.ConnectionSpec;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okio.BufferedSink;
import org.jspecify.annotations.Nullable;

/**
 * The bottom of the chain: one connection pool for all registries, at most {@code maxRequestsPerHost} bulk reads at a time per host, no
 * redirects, no caches, no content encodings. A call blocks the thread it is made on; OkHttp's own threads only keep time and watch
 * HTTP/2 connections.
 */
public final class OkHttpEngine implements HttpClient, AutoCloseable {
    /**
     * @param connectTimeout for a connection to come up, TLS included
     * @param readTimeout for the next byte, the first of an answer included
     * @param maxRequestsPerHost bulk reads at a time from one host
     * @param userAgent says who asks
     * @param hosts how each HOST[:PORT] is spoken to
     */
    public record Options(
            Duration connectTimeout,
            Duration readTimeout,
            int maxRequestsPerHost,
            String userAgent,
            Function<String, HostSettings> hosts) {}

    private static final int IDLE_CONNECTIONS = 64;
    private static final Duration UPLOAD_ANSWER_TIMEOUT = Duration.ofMinutes(5);
    private static final int COPY_BUFFER_BYTES = 64 << 10;

    private final Options options;
    private final OkHttpClient shared;
    private final Map<String, Host> hosts = new ConcurrentHashMap<>();

    /**
     * What is kept per HOST[:PORT]. Bulk reads alone are limited: who has one may need a token to go on, or may be sending what he reads
     * to the same host, and must not wait for himself. What sends something waits longer for its answer, since a registry hashes and moves
     * what it got before it gives one.
     */
    private record Host(OkHttpClient client, OkHttpClient forUploads, Semaphore permits) {}

    public OkHttpEngine(Options options) {
        this.options = options;
        this.shared = new OkHttpClient.Builder()
                .connectionPool(new ConnectionPool(IDLE_CONNECTIONS, 5, TimeUnit.MINUTES))
                .connectionSpecs(List.of(
                        ConnectionSpec.CLEARTEXT)) // what speaks TLS says so itself, and others need no authorities
                .followRedirects(false)
                .followSslRedirects(false)
                .proxySelector(new EnvironmentProxies(System.getenv()))
                .connectTimeout(options.connectTimeout())
                .readTimeout(options.readTimeout())
                .writeTimeout(options.readTimeout())
                .build();
    }

    @Override
    public HttpResponse send(HttpRequest request) throws IOException {
        Host host = host(request.url());
        if (!request.bulk()) {
            return execute(request.body() == null ? host.client : host.forUploads, request, () -> {});
        }
        acquire(host.permits, request);
        boolean answered = false;
        try {
            HttpResponse response = execute(host.client, request, host.permits::release);
            answered = true;
            return response;
        } finally {
            if (!answered) {
                host.permits.release();
            }
        }
    }

    private HttpResponse execute(OkHttpClient client, HttpRequest request, Runnable onClose) throws IOException {
        Call call = client.newCall(okHttpRequest(request));
        long remaining = request.deadline().remainingMillis();
        if (remaining != Long.MAX_VALUE) {
            call.timeout().timeout(Math.max(1, remaining), TimeUnit.MILLISECONDS);
        }
        return new OkHttpResponse(call, call.execute(), request.url(), onClose);
    }

    private static void acquire(Semaphore permits, HttpRequest request) throws IOException {
        try {
            if (!permits.tryAcquire(request.deadline().remainingMillis(), TimeUnit.MILLISECONDS)) {
                throw new InterruptedIOException(
                        "timeout: too many requests to " + request.url().getHost() + " are under way");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            InterruptedIOException interrupted = new InterruptedIOException("interrupted");
            interrupted.initCause(e);
            throw interrupted;
        }
    }

    private Host host(URI url) throws IOException {
        String authority = String.valueOf(url.getRawAuthority()).toLowerCase(Locale.ROOT);
        String name = authority.substring(authority.indexOf('@') + 1);
        String key = url.getScheme() + "://" + name;
        Host known = hosts.get(key);
        if (known != null) {
            return known;
        }
        // Read files outside of the map; of two that race, one wins and the other is dropped.
        OkHttpClient client = client(url, name);
        OkHttpClient forUploads =
                client.newBuilder().readTimeout(UPLOAD_ANSWER_TIMEOUT).build();
        Host made = new Host(client, forUploads, new Semaphore(options.maxRequestsPerHost(), true));
        Host raced = hosts.putIfAbsent(key, made);
        return raced == null ? made : raced;
    }

    private OkHttpClient client(URI url, String authority) throws IOException {
        if (!"https".equalsIgnoreCase(url.getScheme())) {
            return shared;
        }
        HostSettings settings = options.hosts().apply(authority);
        Tls tls = Tls.of(settings);
        OkHttpClient.Builder builder = shared.newBuilder()
                .connectionSpecs(List.of(ConnectionSpec.MODERN_TLS))
                .sslSocketFactory(tls.socketFactory(), tls.trustManager());
        if (settings.skipVerify()) {
            builder.hostnameVerifier((_, _) -> true);
        }
        return builder.build();
    }

    private Request okHttpRequest(HttpRequest request) throws IOException {
        Request.Builder builder = new Request.Builder();
        try {
            builder.url(request.url().toString());
        } catch (IllegalArgumentException e) {
            throw new IOException("not an address that can be asked: " + Urls.redacted(request.url()), e);
        }
        builder.header("User-Agent", options.userAgent());
        // Without this OkHttp asks for gzip, and lengths and ranges are no longer those of the blob.
        builder.header("Accept-Encoding", "identity");
        request.headers().forEach(builder::header);
        builder.method(request.method(), body(request));
        return builder.build();
    }

    private static @Nullable RequestBody body(HttpRequest request) {
        HttpBody body = request.body();
        if (body != null) {
            return new StreamedBody(body);
        }
        boolean needsBody = List.of("POST", "PUT", "PATCH").contains(request.method());
        return needsBody ? RequestBody.create(new byte[0], null) : null;
    }

    /** A request body that streams, and tells failures of its source from failures of the connection. */
    private static final class StreamedBody extends RequestBody {
        private final HttpBody body;

        StreamedBody(HttpBody body) {
            this.body = body;
        }

        @Override
        public @Nullable MediaType contentType() {
            return MediaType.parse(body.contentType());
        }

        @Override
        public long contentLength() {
            return body.lengthBytes();
        }

        /** What is sent again, and from where, is for those who know what the server may have got. */
        @Override
        public boolean isOneShot() {
            return true;
        }

        @Override
        public void writeTo(BufferedSink sink) throws IOException {
            byte[] buffer = new byte[Math.clamp(body.lengthBytes(), 1, COPY_BUFFER_BYTES)];
            try (InputStream in = open()) {
                for (long left = body.lengthBytes(); left > 0; ) {
                    int count = read(in, buffer, (int) Math.min(left, buffer.length));
                    if (count < 0) {
                        throw new ContentException(
                                "the content to be sent ended " + left + " bytes early, of " + body.lengthBytes());
                    }
                    sink.write(buffer, 0, count);
                    left -= count;
                }
            }
        }

        private InputStream open() throws ContentException {
            try {
                return body.content().open();
            } catch (IOException e) {
                throw new ContentException("the content to be sent cannot be opened: " + e.getMessage(), e);
            }
        }

        private static int read(InputStream in, byte[] buffer, int length) throws ContentException {
            try {
                return in.read(buffer, 0, length);
            } catch (IOException e) {
                throw new ContentException("the content to be sent cannot be read: " + e.getMessage(), e);
            }
        }
    }

    /** Drops idle connections. Exchanges under way go on. */
    @Override
    public void close() {
        shared.connectionPool().evictAll();
        shared.dispatcher().executorService().shutdown();
    }
}
