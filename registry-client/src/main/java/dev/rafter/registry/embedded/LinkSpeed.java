package dev.rafter.registry.embedded;

import java.time.Duration;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a link is like.
 *
 * @param name for tables: "100 Mbit/s, 20 ms"
 * @param bytesPerSecond rate of each direction, shared by all connections; {@link #UNLIMITED} for none
 * @param roundTrip time for a byte there and one back
 */
public record LinkSpeed(String name, long bytesPerSecond, Duration roundTrip) {
    public static final long UNLIMITED = 0;

    private static final Pattern SYNTAX = Pattern.compile("(\\d+(?:\\.\\d+)?)(k|m|g)bit/(\\d+)ms");

    public static LinkSpeed unshaped() {
        return new LinkSpeed("unshaped", UNLIMITED, Duration.ZERO);
    }

    /**
     * Reads "100mbit/20ms", "1gbit/1ms" or "unshaped".
     *
     * @throws IllegalArgumentException if it is none of these
     */
    public static LinkSpeed parse(String text) {
        if (text.equals("unshaped")) {
            return unshaped();
        }
        Matcher matcher = SYNTAX.matcher(text.toLowerCase(Locale.ROOT));
        if (!matcher.matches()) {
            throw new IllegalArgumentException(
                    "not a link: \"" + text + "\"; write it as 100mbit/20ms, 1gbit/1ms or unshaped");
        }
        double unit = switch (matcher.group(2)) {
            case "k" -> 1e3;
            case "m" -> 1e6;
            default -> 1e9;
        };
        String name = matcher.group(1) + " " + matcher.group(2).toUpperCase(Locale.ROOT) + "bit/s, " + matcher.group(3)
                + " ms";
        return new LinkSpeed(
                name,
                (long) (Double.parseDouble(matcher.group(1)) * unit / 8),
                Duration.ofMillis(Long.parseLong(matcher.group(3))));
    }

    boolean isUnlimited() {
        return bytesPerSecond == UNLIMITED;
    }
}
