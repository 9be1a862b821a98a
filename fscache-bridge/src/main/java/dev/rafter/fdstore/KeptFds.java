package dev.rafter.fdstore;

import dev.rafter.linux.Fd;
import dev.rafter.linux.UnixDatagrams;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a supervisor keeps, and what it was told, in the words of sd_notify(3). Not thread safe.
 *
 * <p>A variable of the environment has at most 128 KiB, which the names of a thousand guarded files fill. So names that do not fit into
 * {@code LISTEN_FDNAMES} go on in {@code LISTEN_FDNAMES_1} and so on, and the daemon is told by {@value #NAMES_BYTES} that it may give so
 * many.
 */
final class KeptFds implements AutoCloseable {
    /** The variable that says how many bytes of names, with a separator each, may be kept. */
    static final String NAMES_BYTES = "RAFTER_FDNAMES_BYTES";
    /** Of 2 MiB that arguments and environment of a command may have, where the stack has its usual 8 MiB: our heap is small. */
    private static final int MOST_NAMES_BYTES = 600_000;

    private static final String NAMES = "LISTEN_FDNAMES";
    private static final int NAMES_OF_A_VARIABLE = 400;

    private final Map<String, Fd> fds = new LinkedHashMap<>();
    private boolean ready;
    private boolean readyNow;

    /** Does what a message says; descriptors that it gives no name to are closed. */
    void take(UnixDatagrams.Message message) {
        Map<String, String> words = new LinkedHashMap<>();
        message.text().lines().filter(line -> line.indexOf('=') > 0).forEach(line -> {
            int equals = line.indexOf('=');
            words.put(line.substring(0, equals), line.substring(equals + 1));
        });
        String name = words.getOrDefault("FDNAME", "stored");
        if (words.containsKey("FDSTOREREMOVE")) {
            remove(name);
        }
        if (words.containsKey("FDSTORE") && message.fds().size() == 1 && isName(name)) {
            remove(name);
            fds.put(name, message.fds().getFirst());
        } else {
            message.fds().forEach(Fd::close); // the end of a barrier's pipe among them: to close it is the answer
        }
        readyNow |= words.containsKey("READY");
        ready |= readyNow;
    }

    private static boolean isName(String name) {
        return !name.isEmpty() && name.length() <= 255 && name.indexOf(':') < 0;
    }

    private void remove(String name) {
        Fd old = fds.remove(name);
        if (old != null) {
            old.close();
        }
    }

    /** Whether any process has ever said that it serves. */
    boolean wasReady() {
        return ready;
    }

    /** Has a new life begin. */
    void expectReady() {
        readyNow = false;
    }

    /** Whether the process of this life has said that it serves. */
    boolean isReady() {
        return readyNow;
    }

    /** Has all who wait for the next process get EIO. */
    void denyWaiting() {
        Denial.denyAll(fds);
    }

    List<Fd> fds() {
        return List.copyOf(fds.values());
    }

    /** Tells a new process what it gets, in the order of {@link #fds}. */
    void announce(Map<String, String> environment) {
        environment.put("LISTEN_FDS", String.valueOf(fds.size()));
        environment.put(NAMES_BYTES, String.valueOf(MOST_NAMES_BYTES));
        environment.keySet().removeIf(name -> name.startsWith(NAMES));
        List<String> names = List.copyOf(fds.keySet());
        for (int i = 0; i == 0 || i < names.size(); i += NAMES_OF_A_VARIABLE) {
            List<String> part = names.subList(i, Math.min(names.size(), i + NAMES_OF_A_VARIABLE));
            environment.put(variable(i / NAMES_OF_A_VARIABLE), String.join(":", part));
        }
    }

    private static String variable(int index) {
        return index == 0 ? NAMES : NAMES + "_" + index;
    }

    /** The names that a process was told: {@link #announce} read again, and what systemd says. */
    static List<String> announced(Map<String, String> environment) {
        List<String> names = new ArrayList<>();
        int index = 0;
        for (String part = environment.get(variable(0)); part != null; part = environment.get(variable(index))) {
            names.addAll(List.of(part.split(":", -1)));
            index++;
        }
        return names;
    }

    /** The last ones first: the first one is the daemon's lock, and says that all others are closed. */
    @Override
    public void close() {
        List.copyOf(fds.values()).reversed().forEach(Fd::close);
        fds.clear();
    }
}
