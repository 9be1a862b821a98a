/**
 * What all image formats share: the types of files, inodes as plain values, byte strings, and the one exception
 * that says that an image is wrong. The format packages take bytes and give bytes; they do no I/O, start no
 * threads, and depend on the JDK and dev.rafter.digest alone.
 */
@NullMarked
package dev.rafter.format;

import org.jspecify.annotations.NullMarked;
