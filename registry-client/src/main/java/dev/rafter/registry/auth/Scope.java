package dev.rafter.registry.auth;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/**
 * What a token is to allow: {@code repository:NAME:ACTIONS} each, sorted.
 */
public record Scope(List<String> parts) {
    public Scope {
        parts = List.copyOf(new TreeSet<>(parts));
    }

    /** Reading one repository. */
    public static Scope pull(String repository) {
        return new Scope(List.of("repository:" + repository + ":pull"));
    }

    /** Reading and writing one repository. */
    public static Scope push(String repository) {
        return new Scope(List.of("repository:" + repository + ":pull,push"));
    }

    /** This and the reading of another repository. */
    public Scope andPull(String repository) {
        List<String> more = new ArrayList<>(parts);
        more.add("repository:" + repository + ":pull");
        return new Scope(more);
    }

    @Override
    public String toString() {
        return String.join(" ", parts);
    }
}
