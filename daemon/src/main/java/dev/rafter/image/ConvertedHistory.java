package dev.rafter.image;

import dev.rafter.build.ImageBuilder.BuiltImage;
import dev.rafter.oci.ImageConfig.History;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The history of a converted image: that of the original, in which a step has made a layer if its layer became a blob; before it the blobs
 * of dictionaries, behind it the bootstrap. So each layer still has its step, in order.
 */
final class ConvertedHistory {
    private ConvertedHistory() {}

    /** @param layerCount layers that the original has; if its history does not tell of just as many, none of its steps has one */
    static List<History> of(List<History> original, int layerCount, BuiltImage built) {
        boolean fits = original.stream().filter(History::madeLayer).count() == layerCount;
        Set<Integer> blobs = built.blobs().stream().map(blob -> blob.layer()).collect(Collectors.toSet());
        List<History> history = new ArrayList<>();
        built.dictionaryBlobs().forEach(_ -> history.add(own("RAFS blob of the chunk dictionary")));
        int layer = 0;
        for (History step : original) {
            boolean hasBlob = fits && step.madeLayer() && blobs.contains(layer);
            layer += step.madeLayer() ? 1 : 0;
            history.add(hasBlob ? step : withoutLayer(step));
        }
        if (!fits) {
            built.blobs().forEach(_ -> history.add(own("RAFS blob")));
        }
        history.add(own("RAFS bootstrap"));
        return history;
    }

    private static History own(String comment) {
        return new History(null, "rafter convert", null, comment, null);
    }

    private static History withoutLayer(History step) {
        return new History(step.created(), step.createdBy(), step.author(), step.comment(), true);
    }
}
