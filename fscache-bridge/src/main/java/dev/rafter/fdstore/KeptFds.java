package dev.rafter.fdstore;

import dev.rafter.linux.Fd;
import dev.rafter.linux.UnixDatagrams;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What a supervisor keeps, and what it was told, in the words of sd_notify(3). Not thread safe. */
final class KeptFds implements AutoCloseable {
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

    /** Fanotify groups among what is kept. */
    List<Fd> groups() {
        return fds.entrySet().stream()
                .filter(entry -> entry.getKey().startsWith(FdStore.GROUP))
                .map(Map.Entry::getValue)
                .toList();
    }

    List<Fd> fds() {
        return List.copyOf(fds.values());
    }

    /** Tells a new process what it gets, in the order of {@link #fds}. */
    void announce(Map<String, String> environment) {
        environment.put("LISTEN_FDS", String.valueOf(fds.size()));
        environment.put("LISTEN_FDNAMES", String.join(":", fds.keySet()));
    }

    @Override
    public void close() {
        fds.values().forEach(Fd::close);
        fds.clear();
    }
}
