/**
 * How failures are told to people and programs: by who can act on them, in one message that needs no context.
 */
@NullMarked
package dev.rafter.failure;

import org.jspecify.annotations.NullMarked;
