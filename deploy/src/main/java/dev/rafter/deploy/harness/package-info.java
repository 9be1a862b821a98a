/** Other people's programs as child processes: registries, containerd, runc, judges of images. For the end-to-end tests, the demo and the benchmarks. */
@NullMarked
package dev.rafter.deploy.harness;

import org.jspecify.annotations.NullMarked;
