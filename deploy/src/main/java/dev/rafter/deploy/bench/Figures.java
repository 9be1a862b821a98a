package dev.rafter.deploy.bench;

import java.util.Arrays;

/** Statistics of a few samples. */
final class Figures {
    private Figures() {}

    static double median(double... values) {
        return quantile(0.5, values);
    }

    /** Linear between neighbours; NaN of no values. */
    static double quantile(double q, double... values) {
        if (values.length == 0) {
            return Double.NaN;
        }
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        double at = q * (sorted.length - 1);
        int below = (int) Math.floor(at);
        int above = (int) Math.ceil(at);
        return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
    }
}
