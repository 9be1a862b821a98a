package dev.rafter.oci;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What the constructors of the documents have in common: JSON leaves out fields and names null where the specification does not. */
final class Documents {
    /** More layers, platforms or history entries than any image has; a bound on what a document makes us do. */
    static final int MAX_ENTRIES = 10_000;

    private Documents() {}

    /**
     * @throws IllegalArgumentException if the field is missing
     */
    static void require(@Nullable Object value, String document, String field) {
        if (value == null) {
            throw new IllegalArgumentException("the " + document + " has no " + field);
        }
    }

    static void requireSchema2(int schemaVersion, String document) {
        if (schemaVersion != 2) {
            throw new IllegalArgumentException("the " + document + " has schemaVersion " + schemaVersion + ", not 2");
        }
    }

    static <T> List<T> list(@Nullable List<T> values, String document, String field) {
        if (values == null) {
            return List.of();
        }
        if (values.size() > MAX_ENTRIES) {
            throw new IllegalArgumentException(
                    "the " + document + " has " + values.size() + " " + field + ", more than " + MAX_ENTRIES);
        }
        for (T value : values) {
            require(value, document, "value in a place of " + field);
        }
        return List.copyOf(values);
    }

    static Map<String, String> annotations(@Nullable Map<String, String> annotations) {
        if (annotations == null) {
            return Map.of();
        }
        annotations.forEach((key, value) -> require(value, "annotation " + key, "value"));
        return Map.copyOf(annotations);
    }
}
