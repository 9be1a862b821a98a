/**
 * The door for containerd: a proxy snapshotter (gRPC service {@code containerd.services.snapshots.v1} over a Unix socket). {@link
 * dev.rafter.snapshotter.Snapshotter} tells the life of a snapshot; {@link dev.rafter.snapshotter.LazyImages} is what it needs from
 * the rest of Rafter. The protocol is containerd's api/services/snapshots/v1, its meaning core/snapshots and core/metadata.
 */
@NullMarked
package dev.rafter.snapshotter;

import org.jspecify.annotations.NullMarked;
