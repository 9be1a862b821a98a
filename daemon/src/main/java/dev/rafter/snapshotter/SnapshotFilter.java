package dev.rafter.snapshotter;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

/**
 * Which snapshots a listing shows, in containerd's filter language (pkg/filters): {@code selector[,selector]...}, all of which have to
 * hold; several filters together show what any of them shows.
 *
 * <pre>
 *   selector  = fieldpath [ operator value ]        without operator: the field is there
 *   fieldpath = field { "." field }                 name | parent | kind | labels."KEY"
 *   field     = quoted | letters, digits and "_"
 *   operator  = "==" | "!=" | "~="                  equal, not equal, the regular expression is found in it
 *   value     = quoted | anything without space and ","
 *   quoted    = as in Go; after "~=" also between "/" or "|"
 * </pre>
 */
final class SnapshotFilter {
    private static final SnapshotFilter EVERYTHING = new SnapshotFilter(List.of());

    private final List<Selector> selectors;

    private enum Operator {
        PRESENT,
        EQUAL,
        NOT_EQUAL,
        MATCHES
    }

    private record Selector(
            List<String> path,
            Operator operator,
            String value,
            @Nullable Pattern pattern) {
        boolean matches(Snapshot snapshot) {
            Optional<String> found = field(snapshot, path);
            return switch (operator) {
                case PRESENT -> found.isPresent();
                case EQUAL -> found.isPresent() && found.get().equals(value);
                case NOT_EQUAL -> !found.orElse("").equals(value);
                case MATCHES ->
                    pattern != null && pattern.matcher(found.orElse("")).find();
            };
        }
    }

    private SnapshotFilter(List<Selector> selectors) {
        this.selectors = List.copyOf(selectors);
    }

    /** Parses filters of which one has to match; none of them, and an empty one, match everything. */
    static List<SnapshotFilter> parseAll(List<String> texts) throws SnapshotException {
        List<SnapshotFilter> filters = new ArrayList<>();
        for (String text : texts) {
            filters.add(text.isEmpty() ? EVERYTHING : new Parser(text).filter());
        }
        return filters.isEmpty() ? List.of(EVERYTHING) : filters;
    }

    boolean matches(Snapshot snapshot) {
        return selectors.stream().allMatch(selector -> selector.matches(snapshot));
    }

    private static Optional<String> field(Snapshot snapshot, List<String> path) {
        return switch (path.getFirst()) {
            case "name" -> Optional.of(snapshot.name());
            case "parent" -> Optional.of(snapshot.parent());
            case "kind" -> Optional.of(snapshot.kind().word());
            case "labels" -> label(snapshot.visibleLabels(), path.subList(1, path.size()));
            default -> Optional.empty();
        };
    }

    private static Optional<String> label(Map<String, String> labels, List<String> key) {
        return Optional.ofNullable(labels.get(String.join(".", key)));
    }

    private static final class Parser {
        private final String text;
        private int at;

        Parser(String text) {
            this.text = text;
        }

        SnapshotFilter filter() throws SnapshotException {
            List<Selector> selectors = new ArrayList<>();
            do {
                selectors.add(selector());
            } while (take(","));
            if (at < text.length()) {
                throw wrong("expected \",\" or the end");
            }
            return new SnapshotFilter(selectors);
        }

        private Selector selector() throws SnapshotException {
            List<String> path = new ArrayList<>();
            do {
                path.add(field());
            } while (take("."));
            Operator operator = operator();
            String value = operator == Operator.PRESENT ? "" : value(operator == Operator.MATCHES);
            return new Selector(path, operator, value, operator == Operator.MATCHES ? pattern(value) : null);
        }

        private String field() throws SnapshotException {
            skipSpace();
            if (peek() == '"') {
                return quoted('"');
            }
            int start = at;
            while (at < text.length() && (Character.isLetterOrDigit(text.charAt(at)) || text.charAt(at) == '_')) {
                at++;
            }
            if (start == at) {
                throw wrong("expected a field");
            }
            return text.substring(start, at);
        }

        private Operator operator() throws SnapshotException {
            if (take("==")) {
                return Operator.EQUAL;
            }
            if (take("!=")) {
                return Operator.NOT_EQUAL;
            }
            if (take("~=")) {
                return Operator.MATCHES;
            }
            if (at < text.length() && peek() != ',') {
                throw wrong("expected ==, != or ~=");
            }
            return Operator.PRESENT;
        }

        private String value(boolean expression) throws SnapshotException {
            skipSpace();
            char first = peek();
            if (first == '"' || (expression && (first == '/' || first == '|'))) {
                return quoted(first);
            }
            int start = at;
            while (at < text.length() && text.charAt(at) != ',' && !Character.isWhitespace(text.charAt(at))) {
                at++;
            }
            if (start == at) {
                throw wrong("expected a value");
            }
            return text.substring(start, at);
        }

        private String quoted(char quote) throws SnapshotException {
            at++;
            StringBuilder value = new StringBuilder();
            while (at < text.length() && text.charAt(at) != quote) {
                char c = text.charAt(at++);
                if (c != '\\') {
                    value.append(c);
                } else if (quote == '"') {
                    escape(value);
                } else if (peek() == quote) {
                    value.append(text.charAt(at++));
                } else {
                    value.append(c);
                }
            }
            if (at == text.length()) {
                throw wrong("a quote is not closed");
            }
            at++;
            return value.toString();
        }

        private void escape(StringBuilder value) throws SnapshotException {
            char c = peek();
            at++;
            switch (c) {
                case 'n' -> value.append('\n');
                case 't' -> value.append('\t');
                case 'r' -> value.append('\r');
                case 'a' -> value.append('\u0007');
                case 'b' -> value.append('\b');
                case 'f' -> value.append('\f');
                case 'v' -> value.append('\u000b');
                case '\\', '"' -> value.append(c);
                case 'x' -> value.appendCodePoint(hexadecimal(2));
                case 'u' -> value.appendCodePoint(hexadecimal(4));
                case 'U' -> value.appendCodePoint(hexadecimal(8));
                default -> throw wrong("unknown escape");
            }
        }

        private int hexadecimal(int digits) throws SnapshotException {
            int end = at + digits;
            try {
                int codePoint = Integer.parseInt(text.substring(at, Math.min(end, text.length())), 16);
                if (end <= text.length() && Character.isValidCodePoint(codePoint)) {
                    at = end;
                    return codePoint;
                }
            } catch (NumberFormatException _) {
                // Reported below, with its place.
            }
            throw wrong("expected " + digits + " hexadecimal digits");
        }

        private Pattern pattern(String expression) throws SnapshotException {
            try {
                return Pattern.compile(expression);
            } catch (PatternSyntaxException e) {
                throw wrong("no regular expression: " + e.getDescription());
            }
        }

        private boolean take(String token) {
            skipSpace();
            if (!text.startsWith(token, at)) {
                return false;
            }
            at += token.length();
            return true;
        }

        private void skipSpace() {
            while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
                at++;
            }
        }

        private char peek() {
            return at < text.length() ? text.charAt(at) : 0;
        }

        private SnapshotException wrong(String what) {
            return SnapshotException.invalid("filter \"" + text + "\": " + what + " at character " + (at + 1));
        }
    }
}
