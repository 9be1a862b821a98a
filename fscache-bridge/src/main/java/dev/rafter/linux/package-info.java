/**
 * The kernel, called directly: every system call that Rafter makes goes through {@link dev.rafter.linux.Syscall}, the only user of the
 * foreign linker. Hot calls return a negative errno, as the kernel does; everything else throws {@link dev.rafter.linux.KernelException}.
 *
 * <p>Rules that hold here: errno is read only when a call failed; no call is ever made as a critical one, since most may block; no
 * file of a mount that this process serves is touched through a Java mapping, because a thread that faults in Java state holds up the
 * safepoint that the serving thread may need.
 */
@NullMarked
package dev.rafter.linux;

import org.jspecify.annotations.NullMarked;
