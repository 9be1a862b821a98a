/** The script that starts everything. */
@NullMarked
package dev.rafter.deploy.launcher;

import org.jspecify.annotations.NullMarked;
