package dev.rafter.snapshotter;

import dev.rafter.oci.Digest;
import dev.rafter.snapshotter.proto.ApplyRequest;
import dev.rafter.snapshotter.proto.Descriptor;
import dev.rafter.snapshotter.proto.DiffGrpc;
import dev.rafter.snapshotter.proto.SnapshotsGrpc;
import dev.rafter.snapshotter.proto.StatSnapshotRequest;
import io.grpc.ClientInterceptor;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.MetadataUtils;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioDomainSocketChannel;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** {@link Containerd} by its gRPC socket. */
final class ContainerdClient implements Containerd {
    private static final Metadata.Key<String> NAMESPACE =
            Metadata.Key.of("containerd-namespace", Metadata.ASCII_STRING_MARSHALLER);

    private static final long STAT_SECONDS = 10;
    private static final long APPLY_SECONDS = 600;
    /** Of whatever compression: containerd looks at the bytes. */
    private static final String LAYER = "application/vnd.oci.image.layer.v1.tar+gzip";

    private final Path socket;
    private final String snapshotter;
    private final EventLoopGroup events = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    private final ManagedChannel channel;
    private final ClientInterceptor headers;

    ContainerdClient(Path socket, String namespace, String snapshotter) {
        this.socket = socket;
        this.snapshotter = snapshotter;
        channel = NettyChannelBuilder.forAddress(UnixDomainSocketAddress.of(socket))
                .eventLoopGroup(events)
                .channelType(NioDomainSocketChannel.class)
                .usePlaintext()
                .overrideAuthority("localhost")
                .build();
        Metadata metadata = new Metadata();
        metadata.put(NAMESPACE, namespace);
        headers = MetadataUtils.newAttachHeadersInterceptor(metadata);
    }

    @Override
    public Optional<SnapshotInfo> stat(String chainId) throws IOException {
        try {
            return Optional.of(Wire.info(SnapshotsGrpc.newBlockingStub(channel)
                    .withInterceptors(headers)
                    .withDeadlineAfter(STAT_SECONDS, TimeUnit.SECONDS)
                    .stat(StatSnapshotRequest.newBuilder()
                            .setSnapshotter(snapshotter)
                            .setKey(chainId)
                            .build())
                    .getInfo()));
        } catch (StatusRuntimeException e) {
            if (e.getStatus().getCode() == Status.Code.NOT_FOUND) {
                return Optional.empty();
            }
            throw failure(e);
        }
    }

    @Override
    public Digest apply(Digest blob, List<Mount> mounts) throws IOException {
        try {
            return Digest.parse(DiffGrpc.newBlockingStub(channel)
                    .withInterceptors(headers)
                    .withDeadlineAfter(APPLY_SECONDS, TimeUnit.SECONDS)
                    .apply(ApplyRequest.newBuilder()
                            .setDiff(Descriptor.newBuilder().setMediaType(LAYER).setDigest(blob.toString()))
                            .addAllMounts(Wire.mounts(mounts))
                            .build())
                    .getApplied()
                    .getDigest());
        } catch (StatusRuntimeException e) {
            throw failure(e);
        }
    }

    private IOException failure(StatusRuntimeException e) {
        String said = e.getStatus().getDescription();
        return switch (e.getStatus().getCode()) {
            case UNAVAILABLE ->
                new IOException(
                        "containerd is not reached at " + socket + " (snapshotter.containerd in config.toml): " + said,
                        e);
            case NOT_FOUND -> new IOException("containerd has not kept the layer: " + said, e);
            default -> new IOException("containerd at " + socket + " says: " + said, e);
        };
    }

    @Override
    public void close() {
        var _ = channel.shutdownNow();
        var _ = events.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    }
}
