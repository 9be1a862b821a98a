/**
 * The configuration: {@code /etc/rafter/config.toml}, a TOML 1.0 file whose every key is listed, documented and defaulted in
 * {@code Keys}.
 */
@NullMarked
package dev.rafter.config;

import org.jspecify.annotations.NullMarked;
