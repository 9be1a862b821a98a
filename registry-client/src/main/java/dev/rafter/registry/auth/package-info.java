/**
 * Who we are to a registry: challenges (RFC 7235, 6750), Docker's token protocol (distribution, spec/auth), credentials from Docker's
 * configuration file and its helpers. Secrets live in {@link Credentials} and in this package only; they are never logged, never
 * written to disk, never sent to another host than the one they are for.
 */
@NullMarked
package dev.rafter.registry.auth;

import org.jspecify.annotations.NullMarked;
