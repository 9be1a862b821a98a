package dev.rafter.registry.http;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.util.List;
import okhttp3.Call;
import okhttp3.Response;
import okio.BufferedSource;
import org.jspecify.annotations.Nullable;

/** An answer of OkHttp. */
final class OkHttpResponse implements HttpResponse {
    private static final long DRAIN_LIMIT_BYTES = 64 << 10;

    private final Call call;
    private final Response response;
    private final BufferedSource source;
    private final URI url;
    private final Runnable onClose;
    private long received;
    private boolean closed;

    OkHttpResponse(Call call, Response response, URI url, Runnable onClose) {
        this.call = call;
        this.response = response;
        this.source = response.body().source();
        this.url = url;
        this.onClose = onClose;
    }

    @Override
    public int status() {
        return response.code();
    }

    @Override
    public URI url() {
        return url;
    }

    @Override
    public @Nullable String header(String name) {
        return response.header(name);
    }

    @Override
    public List<String> headers(String name) {
        return response.headers(name);
    }

    @Override
    public long contentLength() {
        // The answer to HEAD announces the length of a body that does not come.
        return call.request().method().equals("HEAD") ? 0 : response.body().contentLength();
    }

    @Override
    public ReadableByteChannel channel() {
        return new BodyChannel();
    }

    @Override
    public InputStream stream() {
        return new BodyStream(source.inputStream());
    }

    @Override
    public void cancel() {
        call.cancel();
    }

    /**
     * Ends the exchange. OkHttp reads what is left of a body so that the connection can be used again: good when little is left,
     * while a body of which much is left is cut.
     */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        if (contentLength() - received > DRAIN_LIMIT_BYTES) {
            call.cancel();
        }
        response.close();
        onClose.run();
    }

    private final class BodyChannel implements ReadableByteChannel {
        @Override
        public int read(ByteBuffer dst) throws IOException {
            int count = source.read(dst);
            received += Math.max(count, 0);
            return count;
        }

        @Override
        public boolean isOpen() {
            return !closed;
        }

        @Override
        public void close() {
            OkHttpResponse.this.close();
        }
    }

    private final class BodyStream extends FilterInputStream {
        BodyStream(InputStream in) {
            super(in);
        }

        @Override
        public int read() throws IOException {
            int value = super.read();
            received += value < 0 ? 0 : 1;
            return value;
        }

        @Override
        public int read(byte[] bytes, int offset, int length) throws IOException {
            int count = super.read(bytes, offset, length);
            received += Math.max(count, 0);
            return count;
        }

        @Override
        public void close() {
            OkHttpResponse.this.close();
        }
    }
}
