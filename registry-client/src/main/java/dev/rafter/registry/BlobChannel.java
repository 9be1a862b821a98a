package dev.rafter.registry;

import dev.rafter.oci.Descriptor;
import dev.rafter.registry.auth.Scope;
import dev.rafter.registry.http.Backoff;
import dev.rafter.registry.http.Deadline;
import dev.rafter.registry.http.HttpRequest;
import dev.rafter.registry.http.HttpResponse;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ReadableByteChannel;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A range of a blob as it comes from a registry: exactly the bytes asked for, then the end. One request if nothing goes wrong; a
 * connection that breaks or ends early is taken up where it broke, inside the deadline. What a server says about the range is checked
 * before a byte is given: 206 with the right {@code Content-Range}, or 200 with the whole blob, of which the rest is skipped.
 * For one thread at a time; any thread may close it.
 */
final class BlobChannel implements ReadableByteChannel {
    private static final Pattern CONTENT_RANGE = Pattern.compile("bytes (\\d{1,18})-(\\d{1,18})/(\\d{1,18}|\\*)");

    /** Progress that makes the attempts count anew: less, and a server could keep us for ever with a byte at a time. */
    private static final long PROGRESS_BYTES = 64 << 10;

    private static final int SKIP_BUFFER_BYTES = 64 << 10;

    private final RegistryHost host;
    private final URI url;
    private final Scope scope;
    private final Descriptor descriptor;
    private final Deadline deadline;
    private final Backoff backoff;
    private final String what;
    private long position;
    private final long end;
    private long progressFrom;
    private volatile @Nullable HttpResponse response;
    private @Nullable ReadableByteChannel body;
    private volatile boolean closed;

    /** Held while reading; who closes without it leaves the connection to the reader. */
    private final ReentrantLock inUse = new ReentrantLock();
    /** Who reads, or connects anew, and may be interrupted; guarded by the monitor. */
    private @Nullable Thread reader;

    private BlobChannel(
            RegistryHost host,
            URI url,
            Scope scope,
            Descriptor descriptor,
            long offset,
            long lengthBytes,
            Deadline deadline,
            Backoff backoff,
            String what) {
        this.host = host;
        this.url = url;
        this.scope = scope;
        this.descriptor = descriptor;
        this.position = offset;
        this.progressFrom = offset;
        this.end = offset + lengthBytes;
        this.deadline = deadline;
        this.backoff = backoff;
        this.what = what;
    }

    /** Sends the request, and gives the channel when the answer has begun. */
    static BlobChannel open(
            RegistryHost host,
            URI url,
            Scope scope,
            Descriptor descriptor,
            long offset,
            long lengthBytes,
            Deadline deadline,
            Backoff.Policy policy,
            String what)
            throws IOException {
        BlobChannel channel = new BlobChannel(
                host, url, scope, descriptor, offset, lengthBytes, deadline, new Backoff(policy, deadline), what);
        channel.connect();
        return channel;
    }

    @Override
    public int read(ByteBuffer dst) throws IOException {
        inUse.lock();
        try {
            return readOpen(dst);
        } finally {
            inUse.unlock();
            if (closed) {
                close(); // by another thread, which left the rest to us
            }
        }
    }

    private int readOpen(ByteBuffer dst) throws IOException {
        if (closed) {
            throw new ClosedChannelException();
        }
        if (position == end || !dst.hasRemaining()) {
            return position == end ? -1 : 0;
        }
        setReader(Thread.currentThread());
        try {
            while (true) {
                int count = readOnce(dst);
                if (count > 0) {
                    return count;
                }
                connect();
            }
        } finally {
            setReader(null);
        }
    }

    /** After it is told that there is none, no thread is interrupted: what it does then must not be. */
    private synchronized void setReader(@Nullable Thread thread) {
        reader = thread;
        if (closed && thread == null) {
            boolean _ = Thread.interrupted(); // it was meant for the read that ends
        }
    }

    private synchronized void interruptReader() {
        if (reader != null) {
            reader.interrupt();
        }
    }

    /** Reads from the connection at hand; -1 if it is to be replaced. */
    private int readOnce(ByteBuffer dst) throws IOException {
        ReadableByteChannel from = body;
        if (from == null) {
            return -1;
        }
        int count;
        try {
            count = readAtMost(from, dst, end - position);
        } catch (IOException e) {
            disconnect();
            requireOpen();
            if (!RegistryHost.mayRetry(e) || !backoff.await(null)) {
                throw host.failures.failed(e, what);
            }
            return -1;
        }
        if (count <= 0) {
            endedEarly();
            return -1;
        }
        advance(count);
        return count;
    }

    private void requireOpen() throws AsynchronousCloseException {
        if (closed) {
            throw new AsynchronousCloseException();
        }
    }

    private static int readAtMost(ReadableByteChannel from, ByteBuffer dst, long most) throws IOException {
        int limit = dst.limit();
        if (dst.remaining() > most) {
            dst.limit(dst.position() + (int) most);
        }
        try {
            return from.read(dst);
        } finally {
            dst.limit(limit);
        }
    }

    private void advance(int count) {
        position += count;
        if (position - progressFrom >= PROGRESS_BYTES) {
            progressFrom = position;
            backoff.reset();
        }
        if (position == end) {
            disconnect();
        }
    }

    private void endedEarly() throws IOException {
        disconnect();
        if (!backoff.await(null)) {
            throw host.failures.failed(
                    new IOException("the answer ended " + (end - position) + " bytes early, at byte " + position),
                    what);
        }
    }

    private void connect() throws IOException {
        while (body == null) {
            requireOpen();
            String retryAfter = null;
            IOException failure;
            try {
                HttpResponse answer = host.sendForBlob(request(), scope);
                retryAfter = answer.header("Retry-After");
                if (accept(answer)) {
                    return;
                }
                failure = host.failures.refused(answer, what);
                answer.close();
            } catch (IOException e) {
                requireOpen();
                failure = e;
            }
            if (!RegistryHost.mayRetry(failure) || !backoff.await(retryAfter)) {
                throw host.failures.failed(failure, what);
            }
        }
    }

    private HttpRequest request() {
        HttpRequest request = new HttpRequest("GET", url, deadline).inBulk();
        boolean whole = position == 0 && end == descriptor.size();
        return whole ? request : request.with("Range", "bytes=" + position + "-" + (end - 1));
    }

    /** Takes the answer if it holds what was asked for; false if it is a refusal, still to be read. */
    private boolean accept(HttpResponse answer) throws IOException {
        if (answer.status() != 200 && answer.status() != 206) {
            return false;
        }
        try {
            if (answer.status() == 206) {
                checkContentRange(answer);
            } else {
                checkWhole(answer);
            }
            ReadableByteChannel channel = answer.channel();
            if (answer.status() == 200) {
                skip(channel, position);
            }
            response = answer;
            body = channel;
            return true;
        } finally {
            if (body == null) {
                answer.close();
            }
        }
    }

    private void checkContentRange(HttpResponse answer) throws RegistryException {
        String asked = "asked for bytes " + position + "-" + (end - 1) + " of " + descriptor.size() + ", ";
        String header = answer.header("Content-Range");
        Matcher range = CONTENT_RANGE.matcher(header == null ? "" : header.strip());
        if (!range.matches()) {
            throw host.failures.protocol(
                    answer, what, asked + "answered 206 with the Content-Range \"" + header + "\"");
        }
        long first = Long.parseLong(range.group(1));
        long last = Long.parseLong(range.group(2));
        boolean total = range.group(3).equals("*") || Long.parseLong(range.group(3)) == descriptor.size();
        boolean length = answer.contentLength() < 0 || answer.contentLength() == last - first + 1;
        // Fewer bytes than asked for are allowed (RFC 9110, 15.3.7): the rest is asked for again.
        if (first != position || last < first || last >= end || !total || !length) {
            throw host.failures.protocol(
                    answer,
                    what,
                    asked + "answered with Content-Range \"" + header + "\" and Content-Length "
                            + answer.contentLength());
        }
    }

    private void checkWhole(HttpResponse answer) throws RegistryException {
        if (answer.contentLength() >= 0 && answer.contentLength() != descriptor.size()) {
            throw host.failures.protocol(
                    answer,
                    what,
                    "says that the blob has " + answer.contentLength() + " bytes, its descriptor " + descriptor.size());
        }
    }

    private static void skip(ReadableByteChannel channel, long bytes) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(Math.clamp(bytes, 1, SKIP_BUFFER_BYTES));
        for (long left = bytes; left > 0; ) {
            int count = readAtMost(channel, buffer.clear(), left);
            if (count < 0) {
                throw new IOException("the answer ended " + left + " bytes before the range that was asked for");
            }
            left -= count;
        }
    }

    private void disconnect() {
        HttpResponse old = response;
        response = null;
        body = null;
        if (old != null) {
            old.close();
        }
    }

    @Override
    public boolean isOpen() {
        return !closed;
    }

    /** Another thread than the reading one may close too: the read under way then fails. */
    @Override
    public void close() {
        closed = true;
        if (inUse.tryLock()) {
            try {
                disconnect();
            } finally {
                inUse.unlock();
            }
        } else {
            HttpResponse current = response;
            if (current != null) {
                current.cancel();
            }
            interruptReader(); // it may wait for a connection, or before it tries again
        }
    }
}
