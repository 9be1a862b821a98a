package dev.rafter.snapshotter;

import com.google.protobuf.MessageLite;
import dev.rafter.snapshotter.proto.CommitSnapshotRequest;
import dev.rafter.snapshotter.proto.MountsRequest;
import dev.rafter.snapshotter.proto.PrepareSnapshotRequest;
import dev.rafter.snapshotter.proto.RemoveSnapshotRequest;
import dev.rafter.snapshotter.proto.StatSnapshotRequest;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.file.Path;

/**
 * Plays containerd's calls through, for a pull and a container each time, on a snapshotter and a socket of their own. A container's start
 * waits for four calls, and each takes a Java machine milliseconds before it has seen some hundreds: as long as all else that a start takes
 * from us.
 */
public final class CallRehearsal {
    private static final int ROUNDS = 60;

    private final GrpcCaller caller;

    private CallRehearsal(GrpcCaller caller) {
        this.caller = caller;
    }

    /**
     * Plays, to its end.
     *
     * @param folder is made; the caller removes it. Best in memory: each call is made durable
     */
    public static void play(Path folder) throws IOException {
        try (Snapshotter snapshotter =
                        Snapshotter.open(folder.resolve("root"), LazyImages.NONE, new SimpleMeterRegistry());
                SnapshotterServer server =
                        SnapshotterServer.start(folder.resolve("calls.sock"), snapshotter, Containerd.Connector.NONE);
                GrpcCaller caller = GrpcCaller.connect(server.socket())) {
            CallRehearsal rehearsal = new CallRehearsal(caller);
            for (int round = 0; round < ROUNDS; round++) {
                rehearsal.pullAndRun(Integer.toString(round));
            }
        }
    }

    private void pullAndRun(String round) throws IOException {
        String layer = "layer " + round;
        String container = "container " + round;
        prepare("extract " + round, "");
        call(
                "Commit",
                CommitSnapshotRequest.newBuilder()
                        .setName(layer)
                        .setKey("extract " + round)
                        .build());
        call("Stat", StatSnapshotRequest.newBuilder().setKey(layer).build());
        prepare(container, layer);
        call("Mounts", MountsRequest.newBuilder().setKey(container).build());
        call("Mounts", MountsRequest.newBuilder().setKey(container).build());
        call("Remove", RemoveSnapshotRequest.newBuilder().setKey(container).build());
        call("Remove", RemoveSnapshotRequest.newBuilder().setKey(layer).build());
    }

    private void prepare(String key, String parent) throws IOException {
        call(
                "Prepare",
                PrepareSnapshotRequest.newBuilder()
                        .setKey(key)
                        .setParent(parent)
                        .build());
    }

    private void call(String method, MessageLite request) throws IOException {
        caller.call("/containerd.services.snapshots.v1.Snapshots/" + method, request.toByteArray());
    }
}
