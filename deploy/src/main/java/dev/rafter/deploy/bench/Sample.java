package dev.rafter.deploy.bench;

import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * One cold start.
 *
 * @param seconds from the start of the pull to the line READY
 * @param bytes that came over the link by then
 * @param requests that went over the link by then
 */
record Sample(double seconds, long bytes, long requests) {
    static double median(List<Sample> samples, ToDoubleFunction<Sample> figure) {
        return Figures.median(samples.stream().mapToDouble(figure).toArray());
    }
}
