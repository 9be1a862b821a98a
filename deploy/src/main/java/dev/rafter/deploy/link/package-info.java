/**
 * A link of known rate and round-trip time, as a TCP proxy on loopback, for demonstrations and benchmarks. It imitates a rate that all
 * connections share, once for each direction, half the round-trip time on each way, and a handshake of one round trip for each new
 * connection; it does not imitate TCP's slow start, nor losses.
 */
@NullMarked
package dev.rafter.deploy.link;

import org.jspecify.annotations.NullMarked;
