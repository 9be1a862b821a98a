package dev.rafter.snapshotter;

import com.google.protobuf.FieldMask;
import dev.rafter.snapshotter.proto.CleanupRequest;
import dev.rafter.snapshotter.proto.CommitSnapshotRequest;
import dev.rafter.snapshotter.proto.Info;
import dev.rafter.snapshotter.proto.ListSnapshotsRequest;
import dev.rafter.snapshotter.proto.Mount;
import dev.rafter.snapshotter.proto.MountsRequest;
import dev.rafter.snapshotter.proto.PrepareSnapshotRequest;
import dev.rafter.snapshotter.proto.RemoveSnapshotRequest;
import dev.rafter.snapshotter.proto.SnapshotsGrpc;
import dev.rafter.snapshotter.proto.StatSnapshotRequest;
import dev.rafter.snapshotter.proto.UpdateSnapshotRequest;
import dev.rafter.snapshotter.proto.UsageRequest;
import dev.rafter.snapshotter.proto.UsageResponse;
import dev.rafter.snapshotter.proto.ViewSnapshotRequest;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.MetadataUtils;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioDomainSocketChannel;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** containerd's side of the socket. */
final class SnapshotterClient implements AutoCloseable {
    private final EventLoopGroup events = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    private final ManagedChannel channel;
    private final SnapshotsGrpc.SnapshotsBlockingStub stub;

    SnapshotterClient(Path socket) {
        channel = NettyChannelBuilder.forAddress(UnixDomainSocketAddress.of(socket))
                .eventLoopGroup(events)
                .channelType(NioDomainSocketChannel.class)
                .usePlaintext()
                .build();
        Metadata headers = new Metadata();
        headers.put(Metadata.Key.of("containerd-namespace", Metadata.ASCII_STRING_MARSHALLER), "testsuite");
        headers.put(Metadata.Key.of("containerd-lease", Metadata.ASCII_STRING_MARSHALLER), "lease");
        stub = SnapshotsGrpc.newBlockingStub(channel)
                .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers))
                .withDeadline(io.grpc.Deadline.after(60, TimeUnit.SECONDS));
    }

    List<Mount> prepare(String key, String parent) {
        return prepare(key, parent, Map.of());
    }

    List<Mount> prepare(String key, String parent, Map<String, String> labels) {
        return stub.prepare(PrepareSnapshotRequest.newBuilder()
                        .setSnapshotter("ours")
                        .setKey(key)
                        .setParent(parent)
                        .putAllLabels(labels)
                        .build())
                .getMountsList();
    }

    List<Mount> view(String key, String parent) {
        return stub.view(ViewSnapshotRequest.newBuilder()
                        .setKey(key)
                        .setParent(parent)
                        .build())
                .getMountsList();
    }

    List<Mount> mounts(String key) {
        return stub.mounts(MountsRequest.newBuilder().setKey(key).build()).getMountsList();
    }

    void commit(String name, String key) {
        commit(name, key, Map.of(), "");
    }

    void commit(String name, String key, Map<String, String> labels, String parent) {
        var _ = stub.commit(CommitSnapshotRequest.newBuilder()
                .setName(name)
                .setKey(key)
                .putAllLabels(labels)
                .setParent(parent)
                .build());
    }

    void remove(String key) {
        var _ = stub.remove(RemoveSnapshotRequest.newBuilder().setKey(key).build());
    }

    Info stat(String key) {
        return stub.stat(StatSnapshotRequest.newBuilder().setKey(key).build()).getInfo();
    }

    Info update(String name, Map<String, String> labels, String... mask) {
        return stub.update(UpdateSnapshotRequest.newBuilder()
                        .setInfo(Info.newBuilder().setName(name).putAllLabels(labels))
                        .setUpdateMask(FieldMask.newBuilder().addAllPaths(List.of(mask)))
                        .build())
                .getInfo();
    }

    List<Info> list(String... filters) {
        List<Info> all = new ArrayList<>();
        stub.list(ListSnapshotsRequest.newBuilder()
                        .addAllFilters(List.of(filters))
                        .build())
                .forEachRemaining(batch -> all.addAll(batch.getInfoList()));
        return all;
    }

    List<String> names(String... filters) {
        return list(filters).stream().map(Info::getName).sorted().toList();
    }

    UsageResponse usage(String key) {
        return stub.usage(UsageRequest.newBuilder().setKey(key).build());
    }

    void cleanup() {
        var _ = stub.cleanup(CleanupRequest.getDefaultInstance());
    }

    @Override
    public void close() {
        var _ = channel.shutdownNow();
        var _ = events.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    }
}
