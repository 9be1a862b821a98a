/**
 * Filling cache files: which chunks a read needs, one fetch per chunk however many readers wait, neighbours
 * merged into one ranged request, demand before prefetch.
 */
@NullMarked
package dev.rafter.fetch;

import org.jspecify.annotations.NullMarked;
