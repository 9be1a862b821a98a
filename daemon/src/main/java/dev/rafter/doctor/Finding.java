package dev.rafter.doctor;

/**
 * One thing that lazy mounts need, and what was found.
 *
 * @param text what was seen; where it is not as it should be, what to do about it
 */
public record Finding(Verdict verdict, String subject, String text) {
    /** How it stands. */
    public enum Verdict {
        OK,
        /** Lazy mounts work, within limits. */
        WARNING,
        /** Lazy mounts do not work. */
        FAILED,
        /** Not tried, since something before it failed. */
        UNTRIED
    }

    static Finding ok(String subject, String text) {
        return new Finding(Verdict.OK, subject, text);
    }

    static Finding warning(String subject, String text) {
        return new Finding(Verdict.WARNING, subject, text);
    }

    static Finding failed(String subject, String text) {
        return new Finding(Verdict.FAILED, subject, text);
    }

    /** Whether lazy mounts may work in spite of it. */
    public boolean isFit() {
        return verdict == Verdict.OK || verdict == Verdict.WARNING;
    }
}
