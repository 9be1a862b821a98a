/**
 * Where images live: registries over HTTP (OCI distribution specification 1.1), OCI layout directories, docker
 * archives. Resolving, pulling, ranged reads and pushing.
 */
@NullMarked
package dev.rafter.registry;

import org.jspecify.annotations.NullMarked;
