package dev.rafter.doctor;

import dev.rafter.failure.Failure;
import dev.rafter.linux.Fd;
import dev.rafter.ondemand.OnDemandSource;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * What becomes of a hole whose reader is killed while it waits. Kernels with CVE-2026-31514 keep the pages that were to be read as if they had
 * been: whoever reads them next is not made to wait, and gets zeros.
 */
final class KilledReader implements OnDemandSource {
    private static final String SUBJECT = "killed reader";

    private final ProbeFiles files;
    private final KernelProbe.Guards guards;
    private final Duration timeout;
    private final CountDownLatch waits = new CountDownLatch(1);
    private final CountDownLatch killed = new CountDownLatch(1);

    KilledReader(ProbeFiles files, KernelProbe.Guards guards, Duration timeout) {
        this.files = files;
        this.guards = guards;
        this.timeout = timeout;
    }

    Finding look() {
        try {
            files.empty();
            return Arrays.equals(readAfterAKill(), files.content())
                    ? Finding.ok(SUBJECT, "whoever reads after a reader that was killed gets what he asked for")
                    : Finding.warning(
                            SUBJECT,
                            "after a reader was killed while it waited, the next one got zeros (CVE-2026-31514): install a"
                                    + " kernel with the fix");
        } catch (IOException e) {
            return Finding.warning(SUBJECT, "not known: " + Failure.of(e).message());
        }
    }

    private byte[] readAfterAKill() throws IOException {
        try (KernelProbe.Guard guard = guards.guard(files.device(), this);
                Fd mount = files.mount()) {
            String file = "/proc/" + ProcessHandle.current().pid() + "/fd/" + mount.number() + "/" + ProbeFiles.FILE;
            Process reader = new ProcessBuilder("cat", file)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            try {
                await(waits);
            } finally {
                reader.destroyForcibly();
            }
            awaitEnd(reader);
            killed.countDown();
            return TimedRead.of(mount.path().resolve(ProbeFiles.FILE), guard, timeout);
        } finally {
            killed.countDown();
        }
    }

    private void awaitEnd(Process reader) throws IOException {
        try {
            if (!reader.waitFor(timeout)) {
                throw new IOException("a reader that was killed is still there after " + timeout.toMillis() + " ms");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    private void await(CountDownLatch latch) throws IOException {
        try {
            if (!latch.await(timeout.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new IOException("nobody came within " + timeout.toMillis() + " ms");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    @Override
    public String describe() {
        return files.describe();
    }

    @Override
    public boolean isReady(long offset, long lengthBytes) {
        return false;
    }

    /** Fills only when the reader is gone. */
    @Override
    public void fill(long offset, long lengthBytes) throws IOException {
        waits.countDown();
        await(killed);
        files.fill(offset, lengthBytes);
    }
}
