/**
 * The command line. Each command is a class; what it needs it asks of {@code Wiring}. Signatures and fields of commands name no
 * type of the network libraries, so that {@code --help} loads none of them.
 */
@NullMarked
package dev.rafter.cli;

import org.jspecify.annotations.NullMarked;
