package dev.rafter.testkit;

/** The seed of a random test: stated by {@code -Dtest.seed}, else the test's own fixed one; printed, so that a failure can be had again. */
public final class Seeds {
    private Seeds() {}

    public static long seed(String test, long usual) {
        long seed = Long.getLong("test.seed", usual);
        System.out.println(test + ": -Dtest.seed=" + seed);
        return seed;
    }
}
