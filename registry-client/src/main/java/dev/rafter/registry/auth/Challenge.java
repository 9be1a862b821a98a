package dev.rafter.registry.auth;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One way to prove who we are, as a {@code WWW-Authenticate} header names it (RFC 9110, 11.6.1). Parsing never fails: what is no
 * challenge is left out.
 *
 * @param scheme in lower case: "basic", "bearer"
 * @param parameters by names in lower case
 */
record Challenge(String scheme, Map<String, String> parameters) {
    private static final int MAX_HEADER_LENGTH = 8192;
    private static final String TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]++";
    private static final Pattern SCHEME = Pattern.compile("\\G[\\s,]*+(" + TOKEN + ")(?=\\s++[^=\\s,]|\\s*+(?:,|$))");
    private static final Pattern PARAMETER =
            Pattern.compile("\\G[\\s,]*+(" + TOKEN + ")\\s*+=\\s*+(?:\"((?:[^\"\\\\]|\\\\.)*+)\"|(" + TOKEN + "))");

    Challenge {
        parameters = Map.copyOf(parameters);
    }

    String parameter(String name) {
        return parameters.getOrDefault(name, "");
    }

    boolean isBearer() {
        return scheme.equals("bearer") && !parameter("realm").isEmpty();
    }

    boolean isBasic() {
        return scheme.equals("basic");
    }

    /** All challenges of an answer; a header may hold several. */
    static List<Challenge> parse(List<String> headers) {
        List<Challenge> challenges = new ArrayList<>();
        for (String header : headers) {
            if (header.length() <= MAX_HEADER_LENGTH) {
                parse(header, challenges);
            }
        }
        return List.copyOf(challenges);
    }

    private static void parse(String header, List<Challenge> challenges) {
        Matcher scheme = SCHEME.matcher(header);
        Matcher parameter = PARAMETER.matcher(header);
        int at = 0;
        while (scheme.find(at)) {
            at = scheme.end();
            Map<String, String> parameters = new TreeMap<>();
            while (parameter.find(at)) {
                at = parameter.end();
                String quoted = parameter.group(2);
                String value = quoted == null ? parameter.group(3) : quoted.replaceAll("\\\\(.)", "$1");
                parameters.putIfAbsent(parameter.group(1).toLowerCase(Locale.ROOT), value);
            }
            challenges.add(new Challenge(scheme.group(1).toLowerCase(Locale.ROOT), parameters));
        }
    }
}
