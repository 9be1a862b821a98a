package dev.rafter;

import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Whether this node can serve images lazily: tried once with everything that a lazy mount does, in the background after the start, or when
 * the first image is pulled; after a failure once more for each image, since what was lacking may have been given. Thread safe.
 */
final class NodeFitness {
    private final Supplier<Optional<String>> trial;
    private boolean fit;

    /** @param trial tries it, and says what is lacking */
    NodeFitness(Supplier<Optional<String>> trial) {
        this.trial = trial;
    }

    /** @throws FailureException with what is lacking, if it cannot */
    synchronized void require() throws FailureException {
        if (fit) {
            return;
        }
        Optional<String> lacking = trial.get();
        if (lacking.isPresent()) {
            throw new FailureException(
                    FailureKind.NODE,
                    "this node cannot serve images lazily: " + lacking.get() + " (rafter doctor tells more)");
        }
        fit = true;
    }
}
