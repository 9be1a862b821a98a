package dev.rafter.snapshotter;

import java.util.List;

/**
 * A mount that containerd makes to see a snapshot's files.
 *
 * @param type "bind" or "overlay": the types that every version and client knows
 */
public record Mount(String type, String source, List<String> options) {
    public Mount {
        options = List.copyOf(options);
    }
}
