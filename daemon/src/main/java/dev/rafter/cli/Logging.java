package dev.rafter.cli;

import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.ConsoleHandler;
import java.util.logging.Formatter;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/** Sets java.util.logging up: one line a record on standard error, stack traces only at debug level. */
final class Logging {
    /** The JDK holds loggers weakly, and a level is forgotten with its logger. */
    private static final List<Logger> QUIET = new CopyOnWriteArrayList<>();

    private Logging() {}

    /** @param traces whether records show the stack traces of what was thrown */
    static void configure(GlobalOptions.LogLevel level, boolean traces) {
        Logger root = Logger.getLogger("");
        for (Handler handler : root.getHandlers()) {
            root.removeHandler(handler);
        }
        Handler handler = new ConsoleHandler();
        handler.setLevel(Level.ALL);
        handler.setFormatter(new OneLine(traces));
        root.addHandler(handler);
        root.setLevel(julLevel(level));
        quiet("io.netty");
        // Warns at each connection that a Unix socket has no SO_KEEPALIVE, which gRPC sets.
        quiet("io.netty.bootstrap", Level.SEVERE);
        quiet("io.grpc");
        quiet("okhttp3");
    }

    /** Keeps a library's own chatter out. */
    private static void quiet(String library) {
        quiet(library, Level.WARNING);
    }

    private static void quiet(String library, Level from) {
        Logger logger = Logger.getLogger(library);
        logger.setLevel(from);
        QUIET.add(logger);
    }

    /** Where a failure and its causes happened. */
    static String trace(Throwable thrown) {
        StringBuilder text = new StringBuilder();
        for (Throwable t = thrown; t != null; t = t.getCause()) {
            text.append(text.isEmpty() ? "" : "caused by ").append(t).append('\n');
            for (StackTraceElement frame : t.getStackTrace()) {
                text.append("    at ").append(frame).append('\n');
            }
        }
        return text.toString();
    }

    private static Level julLevel(GlobalOptions.LogLevel level) {
        return switch (level) {
            case error -> Level.SEVERE;
            case warn -> Level.WARNING;
            case info -> Level.INFO;
            case debug -> Level.FINE;
            case trace -> Level.FINEST;
        };
    }

    /** {@code 2026-01-31T12:00:00.123Z WARN mount: message}. */
    private static final class OneLine extends Formatter {
        private static final DateTimeFormatter TIME =
                DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'").withZone(ZoneOffset.UTC);

        private final boolean traces;

        OneLine(boolean traces) {
            this.traces = traces;
        }

        @Override
        public String format(LogRecord record) {
            StringBuilder line = new StringBuilder(160);
            TIME.formatTo(record.getInstant(), line);
            line.append(' ').append(name(record.getLevel())).append(' ').append(source(record.getLoggerName()));
            line.append(": ").append(oneLine(formatMessage(record)));
            appendThrown(line, record.getThrown());
            return line.append('\n').toString();
        }

        private void appendThrown(StringBuilder line, @Nullable Throwable thrown) {
            for (Throwable t = thrown; t != null; t = t.getCause()) {
                line.append(": ").append(oneLine(t.toString()));
            }
            if (thrown != null && traces) {
                line.append('\n').append(trace(thrown).stripTrailing());
            }
        }

        private static String oneLine(String text) {
            return text.indexOf('\n') < 0 ? text : text.replace("\n", "\\n");
        }

        private static String name(Level level) {
            int value = level.intValue();
            return value >= 1000
                    ? "ERROR"
                    : value >= 900 ? "WARN " : value >= 800 ? "INFO " : value >= 500 ? "DEBUG" : "TRACE";
        }

        /** The last package of ours, the first words of others: "mount", "io.netty.channel". */
        private static String source(@Nullable String logger) {
            if (logger == null) {
                return "-";
            }
            int end = logger.lastIndexOf('.');
            String pkg = end < 0 ? logger : logger.substring(0, end);
            return pkg.startsWith("dev.rafter.") ? pkg.substring("dev.rafter.".length()) : pkg;
        }
    }
}
