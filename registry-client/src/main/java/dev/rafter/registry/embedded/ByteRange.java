package dev.rafter.registry.embedded;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** One range of a {@code Range} header (RFC 9110, 14.2), resolved against a size. */
record ByteRange(long first, long last) {
    private static final Pattern SYNTAX = Pattern.compile("bytes=(\\d{0,18})-(\\d{0,18})");

    /**
     * The range that a header asks for; null for the whole: no header, or one that is not understood, several ranges included.
     *
     * @throws Refusal 416 if it lies outside
     */
    static @Nullable ByteRange parse(@Nullable String header, long size) throws Refusal {
        if (header == null) {
            return null;
        }
        Matcher matcher = SYNTAX.matcher(header);
        if (!matcher.matches() || header.equals("bytes=-")) {
            return null;
        }
        boolean suffix = matcher.group(1).isEmpty();
        long first = suffix ? Math.max(0, size - Long.parseLong(matcher.group(2))) : Long.parseLong(matcher.group(1));
        long last =
                suffix || matcher.group(2).isEmpty() ? size - 1 : Math.min(size - 1, Long.parseLong(matcher.group(2)));
        if (first > last) {
            throw new Refusal(416, "RANGE_INVALID", "range " + header + " of " + size + " bytes");
        }
        return new ByteRange(first, last);
    }

    long length() {
        return last - first + 1;
    }
}
