/**
 * The daemon's HTTP interface over its Unix socket, and its client. Failures travel as {@code Failure}s in JSON, so that the
 * command line tells what the daemon would.
 */
@NullMarked
package dev.rafter.api;

import org.jspecify.annotations.NullMarked;
