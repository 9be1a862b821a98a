/** The promises of the whole, on real parts: Debian images, docker-registry, the kernel's EROFS, runc, containerd. */
@NullMarked
package dev.rafter.deploy.e2e;

import org.jspecify.annotations.NullMarked;
