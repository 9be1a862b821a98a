/**
 * The daemon's HTTP interface over its Unix socket, its client, and how failures are told to people and programs.
 */
@NullMarked
package dev.rafter.api;

import org.jspecify.annotations.NullMarked;
