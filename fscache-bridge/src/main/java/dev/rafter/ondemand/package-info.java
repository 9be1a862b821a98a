/**
 * The one interface between the kernel's readers and whoever can fill a device: a transport guards a cache file
 * and asks an OnDemandSource before a hole is read.
 */
@NullMarked
package dev.rafter.ondemand;

import org.jspecify.annotations.NullMarked;
