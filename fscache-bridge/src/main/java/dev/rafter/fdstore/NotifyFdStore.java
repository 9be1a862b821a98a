package dev.rafter.fdstore;

import dev.rafter.linux.EventPoll;
import dev.rafter.linux.Fd;
import dev.rafter.linux.KernelException;
import dev.rafter.linux.UnixDatagrams;
import java.io.IOException;
import java.util.HashMap;
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

    private final Fd socket;
    private final Map<String, Fd> left;

    private NotifyFdStore(Fd socket, Map<String, Fd> left) {
        this.socket = socket;
        this.left = left;
    }

    /** The store that the environment names; none if it names none. */
    public static FdStore of(Map<String, String> environment) throws KernelException {
        String address = environment.get("NOTIFY_SOCKET");
        if (address == null || address.isEmpty()) {
            return FdStore.none();
        }
        return new NotifyFdStore(UnixDatagrams.connect(address), passed(environment));
    }

    private static Map<String, Fd> passed(Map<String, String> environment) throws KernelException {
        Map<String, Fd> passed = new HashMap<>();
        String own = String.valueOf(ProcessHandle.current().pid());
        int count = own.equals(environment.get("LISTEN_PID"))
                ? Integer.parseInt(environment.getOrDefault("LISTEN_FDS", "0"))
                : 0;
        String[] names = environment.getOrDefault("LISTEN_FDNAMES", "").split(":", -1);
        for (int i = 0; i < count; i++) {
            Fd fd = Fd.adopt(FIRST_PASSED + i);
            Fd twin = passed.put(i < names.length ? names[i] : "unknown", fd);
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
    public void keep(String name, Fd fd) throws IOException {
        // systemd would keep both of one name.
        send("FDSTOREREMOVE=1\nFDNAME=" + name, List.of());
        send("FDSTORE=1\nFDNAME=" + name + "\nFDPOLL=0", List.of(fd));
    }

    @Override
    public void forget(String name) {
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
            if (poll.await(new long[1], SETTLE_MILLIS) == 0) {
                throw new IOException("the process that keeps descriptors, $NOTIFY_SOCKET, does not answer");
            }
        }
    }

    @Override
    public void ready() throws IOException {
        send("READY=1", List.of());
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
