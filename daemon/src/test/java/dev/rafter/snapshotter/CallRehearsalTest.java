package dev.rafter.snapshotter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.rafter.snapshotter.proto.PrepareSnapshotRequest;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The calls that are played through are real ones. */
@Timeout(60)
final class CallRehearsalTest {
    @TempDir
    Path folder;

    @Test
    void itGoesThroughToItsEndAndLeavesNoSnapshot() throws IOException {
        CallRehearsal.play(folder);
        try (Snapshotter after = Snapshotter.open(folder.resolve("root"), LazyImages.NONE, new SimpleMeterRegistry())) {
            assertEquals(List.of(), after.list(List.of()));
        }
        assertEquals(false, Files.exists(folder.resolve("calls.sock")));
    }

    @Test
    void aCallArrivesAndOneThatIsRefusedEndsToo() throws IOException {
        try (Snapshotter snapshotter =
                        Snapshotter.open(folder.resolve("root"), LazyImages.NONE, new SimpleMeterRegistry());
                SnapshotterServer server =
                        SnapshotterServer.start(folder.resolve("s.sock"), snapshotter, Containerd.Connector.NONE)) {
            GrpcCaller caller = GrpcCaller.connect(server.socket());
            String prepare = "/containerd.services.snapshots.v1.Snapshots/Prepare";
            byte[] request =
                    PrepareSnapshotRequest.newBuilder().setKey("a").build().toByteArray();
            caller.call(prepare, request);
            assertEquals("a", snapshotter.stat("a").name());
            caller.call(prepare, request);
            caller.call("/no/such", new byte[0]);
            caller.call(
                    prepare,
                    PrepareSnapshotRequest.newBuilder().setKey("b").build().toByteArray());
            assertEquals(2, snapshotter.list(List.of()).size());
            caller.close();
            assertThrows(IOException.class, () -> caller.call(prepare, request));
        }
    }
}
