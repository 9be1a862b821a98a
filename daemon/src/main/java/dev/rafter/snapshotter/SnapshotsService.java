package dev.rafter.snapshotter;

import com.google.protobuf.Empty;
import dev.rafter.failure.Failure;
import dev.rafter.snapshotter.proto.CleanupRequest;
import dev.rafter.snapshotter.proto.CommitSnapshotRequest;
import dev.rafter.snapshotter.proto.ListSnapshotsRequest;
import dev.rafter.snapshotter.proto.ListSnapshotsResponse;
import dev.rafter.snapshotter.proto.MountsRequest;
import dev.rafter.snapshotter.proto.MountsResponse;
import dev.rafter.snapshotter.proto.PrepareSnapshotRequest;
import dev.rafter.snapshotter.proto.PrepareSnapshotResponse;
import dev.rafter.snapshotter.proto.RemoveSnapshotRequest;
import dev.rafter.snapshotter.proto.SnapshotsGrpc;
import dev.rafter.snapshotter.proto.StatSnapshotRequest;
import dev.rafter.snapshotter.proto.StatSnapshotResponse;
import dev.rafter.snapshotter.proto.UpdateSnapshotRequest;
import dev.rafter.snapshotter.proto.UpdateSnapshotResponse;
import dev.rafter.snapshotter.proto.UsageRequest;
import dev.rafter.snapshotter.proto.UsageResponse;
import dev.rafter.snapshotter.proto.ViewSnapshotRequest;
import dev.rafter.snapshotter.proto.ViewSnapshotResponse;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The snapshotter as containerd calls it. Namespaces, leases and the plugin's name are containerd's business, and are only told back to it
 * when a layer was lost.
 */
final class SnapshotsService extends SnapshotsGrpc.SnapshotsImplBase {
    private static final Logger LOG = LoggerFactory.getLogger(SnapshotsService.class);
    private static final int LIST_BATCH = 100;

    private final Snapshotter snapshotter;
    private final LostLayers lostLayers;

    SnapshotsService(Snapshotter snapshotter, LostLayers lostLayers) {
        this.snapshotter = snapshotter;
        this.lostLayers = lostLayers;
    }

    @FunctionalInterface
    private interface Call<T> {
        T answer() throws IOException;
    }

    @Override
    public void prepare(PrepareSnapshotRequest request, StreamObserver<PrepareSnapshotResponse> observer) {
        answer(
                observer,
                () -> PrepareSnapshotResponse.newBuilder()
                        .addAllMounts(mending(
                                request.getKey(),
                                request.getSnapshotter(),
                                () -> snapshotter.prepare(
                                        request.getKey(), request.getParent(), request.getLabelsMap())))
                        .build());
    }

    @Override
    public void view(ViewSnapshotRequest request, StreamObserver<ViewSnapshotResponse> observer) {
        answer(
                observer,
                () -> ViewSnapshotResponse.newBuilder()
                        .addAllMounts(mending(
                                request.getKey(),
                                request.getSnapshotter(),
                                () -> snapshotter.view(request.getKey(), request.getParent(), request.getLabelsMap())))
                        .build());
    }

    @Override
    public void mounts(MountsRequest request, StreamObserver<MountsResponse> observer) {
        answer(
                observer,
                () -> MountsResponse.newBuilder()
                        .addAllMounts(mending(
                                request.getKey(), request.getSnapshotter(), () -> snapshotter.mounts(request.getKey())))
                        .build());
    }

    @Override
    public void commit(CommitSnapshotRequest request, StreamObserver<Empty> observer) {
        answer(observer, () -> {
            snapshotter.commit(request.getName(), request.getKey(), request.getLabelsMap(), request.getParent());
            return Empty.getDefaultInstance();
        });
    }

    @Override
    public void remove(RemoveSnapshotRequest request, StreamObserver<Empty> observer) {
        answer(observer, () -> {
            snapshotter.remove(request.getKey());
            return Empty.getDefaultInstance();
        });
    }

    @Override
    public void stat(StatSnapshotRequest request, StreamObserver<StatSnapshotResponse> observer) {
        answer(
                observer,
                () -> StatSnapshotResponse.newBuilder()
                        .setInfo(Wire.info(snapshotter.stat(request.getKey())))
                        .build());
    }

    @Override
    public void update(UpdateSnapshotRequest request, StreamObserver<UpdateSnapshotResponse> observer) {
        answer(
                observer,
                () -> UpdateSnapshotResponse.newBuilder()
                        .setInfo(Wire.info(snapshotter.update(
                                request.getInfo().getName(),
                                request.getInfo().getLabelsMap(),
                                request.getUpdateMask().getPathsList())))
                        .build());
    }

    @Override
    public void list(ListSnapshotsRequest request, StreamObserver<ListSnapshotsResponse> observer) {
        try {
            List<SnapshotInfo> all = snapshotter.list(request.getFiltersList());
            for (int from = 0; from < all.size(); from += LIST_BATCH) {
                observer.onNext(batch(all.subList(from, Math.min(from + LIST_BATCH, all.size()))));
            }
            observer.onCompleted();
        } catch (IOException | RuntimeException e) {
            observer.onError(status(e).asException());
        }
    }

    private static ListSnapshotsResponse batch(List<SnapshotInfo> infos) {
        return ListSnapshotsResponse.newBuilder()
                .addAllInfo(infos.stream().map(Wire::info).toList())
                .build();
    }

    @Override
    public void usage(UsageRequest request, StreamObserver<UsageResponse> observer) {
        answer(observer, () -> {
            Usage usage = snapshotter.usage(request.getKey());
            return UsageResponse.newBuilder()
                    .setSize(usage.sizeBytes())
                    .setInodes(usage.inodes())
                    .build();
        });
    }

    @Override
    public void cleanup(CleanupRequest request, StreamObserver<Empty> observer) {
        answer(observer, () -> {
            snapshotter.cleanup();
            return Empty.getDefaultInstance();
        });
    }

    private List<dev.rafter.snapshotter.proto.Mount> mending(
            String key, String plugin, LostLayers.Attempt<List<Mount>> request) throws IOException {
        return Wire.mounts(lostLayers.mending(key, plugin, request));
    }

    private static <T> void answer(StreamObserver<T> observer, Call<T> call) {
        try {
            observer.onNext(call.answer());
            observer.onCompleted();
        } catch (IOException | RuntimeException e) {
            observer.onError(status(e).asException());
        }
    }

    /** containerd knows few kinds of errors, and passes every message on to the person. */
    private static Status status(Exception thrown) {
        if (thrown instanceof SnapshotException e) {
            return status(e.code()).withDescription(e.getMessage());
        }
        Failure failure = Failure.of(thrown);
        return switch (failure.kind()) {
            case UNREACHABLE -> Status.UNAVAILABLE.withDescription(failure.message());
            case IMAGE, REFUSED, NODE, USAGE -> Status.FAILED_PRECONDITION.withDescription(failure.message());
            case FAILURE -> {
                LOG.error("a snapshot request failed", thrown);
                yield Status.INTERNAL.withDescription(failure.message());
            }
        };
    }

    private static Status status(SnapshotException.Code code) {
        return switch (code) {
            case NOT_FOUND -> Status.NOT_FOUND;
            case ALREADY_EXISTS -> Status.ALREADY_EXISTS;
            case INVALID_ARGUMENT -> Status.INVALID_ARGUMENT;
            case FAILED_PRECONDITION -> Status.FAILED_PRECONDITION;
            case UNAVAILABLE -> Status.UNAVAILABLE;
        };
    }
}
