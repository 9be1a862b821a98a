/**
 * Descriptors that outlive the daemon: what guards a mount with holes is held by a second process too, which gives it to the next daemon.
 * The protocol is that of systemd's file descriptor store (sd_notify(3), {@code FDSTORE=1}, and sd_listen_fds(3)); where there is no
 * systemd, {@link dev.rafter.fdstore.Supervisor} speaks the same.
 */
@NullMarked
package dev.rafter.fdstore;

import org.jspecify.annotations.NullMarked;
