/** {@code ./rafter demo}: Rafter's main job on this machine, start to end, with a table of what it saved. */
@NullMarked
package dev.rafter.deploy.demo;

import org.jspecify.annotations.NullMarked;
