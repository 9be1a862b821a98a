/** What tests of several packages share: golden images, whole trees as values, comparing them. */
@NullMarked
package dev.rafter.testkit;

import org.jspecify.annotations.NullMarked;
