/**
 * fanotify pre-content events (Linux 6.14 and newer; the kernel's {@code include/uapi/linux/fanotify.h}): the kernel asks before it reads
 * a range of a cache file, and the reader waits for the answer. Every cache file has a group of its own, so the group is what an event
 * belongs to, and a slow blob holds up nobody else's events.
 */
@NullMarked
package dev.rafter.linux.fanotify;

import org.jspecify.annotations.NullMarked;
