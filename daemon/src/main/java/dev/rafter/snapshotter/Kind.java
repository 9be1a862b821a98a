package dev.rafter.snapshotter;

import java.util.Locale;

/** What may be done with a snapshot. */
public enum Kind {
    /** Mounted read-only; never a parent. */
    VIEW,
    /** Mounted writable; never a parent; may be committed. */
    ACTIVE,
    /** Immutable; parent of others; has no mounts of its own. */
    COMMITTED;

    /** As containerd's filters and listings write it: "view", "active", "committed". */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }
}
