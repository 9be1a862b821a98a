package dev.rafter.snapshotter;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What an Update may change: labels, all of them or those that the field mask names. */
final class LabelUpdate {
    private static final String ONE_LABEL = "labels.";

    private LabelUpdate() {}

    /**
     * The labels after an update. Those that tell what we have found out stay as they are.
     *
     * @param mask paths {@code labels} and {@code labels.KEY}; empty: replace all that can change
     * @param wanted the request's labels; an empty value removes the label
     */
    static Map<String, String> apply(Map<String, String> labels, Map<String, String> wanted, List<String> mask)
            throws SnapshotException {
        Map<String, String> updated = new HashMap<>(mask.isEmpty() ? wanted : labels);
        for (String path : mask) {
            if (path.equals("labels")) {
                updated.clear();
                updated.putAll(wanted);
            } else if (path.startsWith(ONE_LABEL)) {
                String key = path.substring(ONE_LABEL.length());
                updated.put(key, wanted.getOrDefault(key, ""));
            } else {
                throw SnapshotException.invalid("cannot update field \"" + path + "\": only labels can change");
            }
        }
        updated.values().removeIf(String::isEmpty);
        updated.remove(Labels.SERVED);
        updated.remove(Labels.REMAPPED);
        if (labels.containsKey(Labels.REMAPPED)) {
            updated.put(Labels.REMAPPED, labels.get(Labels.REMAPPED));
        }
        return updated;
    }
}
