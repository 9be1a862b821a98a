package dev.rafter;

import dev.rafter.config.Config;

/** Puts the modules together as the configuration says. Everything is made when it is first asked for. */
public final class Wiring {
    private final Config config;

    public Wiring(Config config) {
        this.config = config;
    }

    public Config config() {
        return config;
    }
}
