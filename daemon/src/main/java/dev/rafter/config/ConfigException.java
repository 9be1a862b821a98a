package dev.rafter.config;

/** A configuration file is wrong: the message names the file, the line and the reason. */
public final class ConfigException extends IllegalArgumentException {
    public ConfigException(String file, int line, String reason) {
        super(file + (line > 0 ? ", line " + line : "") + ": " + reason);
    }
}
