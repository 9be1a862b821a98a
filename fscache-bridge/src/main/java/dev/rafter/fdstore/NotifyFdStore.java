package dev.rafter.fdstore;

import dev.rafter.linux.BlockingCall;
import dev.rafter.linux.EventPoll;
import dev.rafter.linux.Fd;
import dev.rafter.linux.KernelException;
import dev.rafter.linux.UnixDatagrams;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The store of whoever started this process: systemd with {@code FileDescriptorStoreMax=}, or our own {@link Supervisor}. What is given
 * is sent to {@code $NOTIFY_SOCKET}; what was left came as descriptors 3 and up, named in {@code $LISTEN_FDNAMES}. The monitor guards
 * what was left.
 */
public final class NotifyFdStore implements FdStore {
    private static final Logger LOG = LoggerFactory.getLogger(NotifyFdStore.class);
    private static final int FIRST_PASSED = 3;
    private static final int SETTLE_MILLIS = 10_000;
    /** All names are told in one variable of the environment, which has at most 128 KiB. */
    public static final int NAMES_BYTES_OF_SYSTEMD = 128_000;
    /** How the name begins under which it is kept since when daemons have been starting, and none has served. Nanoseconds since boot follow. */
    private static final String STARTING = "starting.";

    private final Fd socket;
    private final Map<String, Fd> left;
    /** Names of all that is kept, and how many bytes of them the next process can be told. */
    private final Set<String> kept;

    private final int mostNamesBytes;

    private NotifyFdStore(Fd socket, Map<String, Fd> left, int mostNamesBytes) {
        this.socket = socket;
        this.left = left;
        this.kept = new HashSet<>(left.keySet());
        this.mostNamesBytes = mostNamesBytes;
    }

    /** The store that the environment names; none if it names none. */
    public static FdStore of(Map<String, String> environment) throws KernelException {
        String address = environment.get("NOTIFY_SOCKET");
        if (address == null || address.isEmpty()) {
            return FdStore.none();
        }
        String most = environment.getOrDefault(KeptFds.NAMES_BYTES, String.valueOf(NAMES_BYTES_OF_SYSTEMD));
        NotifyFdStore store =
                new NotifyFdStore(UnixDatagrams.connect(address), passed(environment), Integer.parseInt(most));
        if (!environment.containsKey(KeptFds.NAMES_BYTES)) {
            store.denyIfNobodyServes();
        }
        return store;
    }

    /**
     * Below systemd, which denies nobody: who has waited for a daemon for as long as several could not start is denied by the next one that
     * tries, before anything can fail. So that it knows, a descriptor is kept whose name says since when.
     */
    private synchronized void denyIfNobodyServes() {
        if (left.keySet().stream().noneMatch(name -> name.startsWith(GROUP))) {
            return;
        }
        long now = System.nanoTime();
        Optional<String> began = starting();
        if (began.isEmpty()) {
            keepStarting(now);
        } else if (now - Long.parseLong(began.get().substring(STARTING.length())) > Supervisor.LONGEST_WAIT_NANOS) {
            LOG.warn("no daemon has served for a while: who waits for one gets EIO");
            Denial.denyAll(left);
            forgetStarting();
            keepStarting(now);
        }
    }

    private synchronized Optional<String> starting() {
        return kept.stream().filter(name -> name.startsWith(STARTING)).findFirst();
    }

    private void keepStarting(long nanos) {
        try (Fd nothing = Fd.open(Path.of("/dev/null"), Fd.O_RDONLY)) {
            keep(STARTING + nanos, nothing);
        } catch (IOException e) {
            LOG.warn("if no daemon can be started, who waits for one waits on: {}", e.getMessage());
        }
    }

    private void forgetStarting() {
        starting().ifPresent(name -> {
            forget(name);
            take(name).ifPresent(Fd::close);
        });
    }

    private static Map<String, Fd> passed(Map<String, String> environment) throws KernelException {
        Map<String, Fd> passed = new HashMap<>();
        String own = String.valueOf(ProcessHandle.current().pid());
        int count = own.equals(environment.get("LISTEN_PID"))
                ? Integer.parseInt(environment.getOrDefault("LISTEN_FDS", "0"))
                : 0;
        List<String> names = KeptFds.announced(environment);
        for (int i = 0; i < count; i++) {
            Fd fd = Fd.adopt(FIRST_PASSED + i);
            Fd twin = passed.put(i < names.size() ? names.get(i) : "unknown", fd);
            if (twin != null) {
                twin.close();
            }
        }
        return passed;
    }

    @Override
    public synchronized Optional<Fd> take(String name) {
        return Optional.ofNullable(left.remove(name));
    }

    @Override
    public synchronized Set<String> left() {
        return Set.copyOf(left.keySet());
    }

    @Override
    public synchronized boolean keeps(String name) {
        return kept.contains(name);
    }

    @Override
    public void keep(String name, Fd fd) throws IOException {
        noteNew(name);
        try {
            // systemd would keep both of one name.
            send("FDSTOREREMOVE=1\nFDNAME=" + name, List.of());
            send("FDSTORE=1\nFDNAME=" + name + "\nFDPOLL=0", List.of(fd));
        } catch (IOException e) {
            note(name, false);
            throw e;
        }
    }

    /** A process that cannot be told the names of all that is kept could not be started. */
    private synchronized void noteNew(String name) throws IOException {
        int namesBytes = kept.stream().mapToInt(other -> other.length() + 1).sum() + name.length() + 1;
        if (namesBytes > mostNamesBytes && !kept.contains(name)) {
            throw new IOException("the process that keeps descriptors, $NOTIFY_SOCKET, has " + kept.size()
                    + " of them and can give no more to the next daemon: unmount what is not needed");
        }
        note(name, true);
    }

    private synchronized void note(String name, boolean isKept) {
        if (isKept) {
            kept.add(name);
        } else {
            kept.remove(name);
        }
    }

    @Override
    public void forget(String name) {
        note(name, false);
        try {
            send("FDSTOREREMOVE=1\nFDNAME=" + name, List.of());
        } catch (IOException e) {
            LOG.error("the store keeps {}: {}", name, e.getMessage());
        }
    }

    /** By sd_notify's barrier: the store closes its end of a pipe when it has read everything before it. */
    @Override
    public void settle() throws IOException {
        try (UnixDatagrams.Pipe pipe = UnixDatagrams.pipe();
                EventPoll poll = new EventPoll()) {
            send("BARRIER=1", List.of(pipe.write()));
            pipe.write().close();
            poll.add(pipe.read(), 0);
            if (BlockingCall.run(() -> poll.await(new long[1], SETTLE_MILLIS)) == 0) {
                throw new IOException("the process that keeps descriptors, $NOTIFY_SOCKET, does not answer");
            }
        }
    }

    @Override
    public void ready() throws IOException {
        send("READY=1", List.of());
        forgetStarting();
    }

    @Override
    public boolean outlivesThisProcess() {
        return true;
    }

    private void send(String text, List<Fd> fds) throws IOException {
        try {
            UnixDatagrams.send(socket, text, fds);
        } catch (KernelException e) {
            throw new IOException(
                    "the process that keeps descriptors, $NOTIFY_SOCKET, takes no message: " + e.getMessage(), e);
        }
    }
}
