/**
 * An OCI registry (OCI distribution specification 1.1) in this process, in memory or in a directory, for the demo, for tests and for
 * machines that need one for a moment; and a link of known rate and round-trip time to put before it or before any other.
 */
@NullMarked
package dev.rafter.registry.embedded;

import org.jspecify.annotations.NullMarked;
