package dev.rafter.deploy.e2e;

import dev.rafter.snapshotter.NoLazyImages;
import dev.rafter.snapshotter.Snapshotter;
import dev.rafter.snapshotter.SnapshotterServer;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;

/** The snapshotter alone, serving nothing lazily, as a process: {@code SnapshotterMain ROOT SOCKET}. */
final class SnapshotterMain {
    private SnapshotterMain() {}

    public static void main(String[] arguments) throws Exception {
        Snapshotter snapshotter = Snapshotter.open(
                Path.of(arguments[0]), new NoLazyImages("it is off in this test"), new SimpleMeterRegistry());
        SnapshotterServer server = SnapshotterServer.start(Path.of(arguments[1]), snapshotter);
        CountDownLatch end = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(end::countDown));
        System.out.println("serving " + server.socket());
        end.await();
        server.close();
        snapshotter.close();
    }
}
