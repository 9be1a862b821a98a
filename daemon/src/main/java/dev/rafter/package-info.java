/**
 * The wiring of the daemon: the one place that knows all modules and puts them together.
 */
@NullMarked
package dev.rafter;

import org.jspecify.annotations.NullMarked;
