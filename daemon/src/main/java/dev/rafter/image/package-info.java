/**
 * Opening images of any kind: from a reference to a validated bootstrap and, for each of its devices, a chunk map and a source of
 * stored bytes. Everything in which kinds of images differ is settled here.
 */
@NullMarked
package dev.rafter.image;

import org.jspecify.annotations.NullMarked;
