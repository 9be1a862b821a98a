package dev.rafter.fdstore;

import dev.rafter.linux.ChildProcess;
import dev.rafter.linux.EventPoll;
import dev.rafter.linux.Fd;
import dev.rafter.linux.KernelException;
import dev.rafter.linux.UnixDatagrams;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/**
 * Runs a daemon, keeps what it sends to {@code $NOTIFY_SOCKET}, and starts it again with that when it dies: what systemd does for a unit
 * with {@code FileDescriptorStoreMax=} and {@code Restart=always}, where there is no systemd. It ends when the daemon ends in order, that is
 * with exit code 0, or when the daemon could not even start the first time; whatever else happens, it goes on holding what it keeps.
 *
 * <p>It does as little as possible, since readers of all mounts depend on it, and is a program of its own: its arguments are the daemon's
 * command. One thread does everything; another one passes SIGTERM on, as soon as the daemon serves: a JVM that is only starting would die
 * of it, and nobody would unmount.
 */
public final class Supervisor {
    /** The exit code of a daemon that wants to be started again at once. */
    public static final int RESTART = 75;

    private static final long SOCKET = 0;
    private static final long CHILD = 1;
    private static final long FIRST_PAUSE_MILLIS = 100;
    private static final long LONGEST_PAUSE_MILLIS = 5_000;
    private static final long LONGEST_START_NANOS = 120_000_000_000L;
    /** As long as a demand may take by default. */
    static final long LONGEST_WAIT_NANOS = Long.getLong("rafter.wait.millis", 30_000) * 1_000_000;

    /** As a shell says that a command cannot be run. */
    private static final int NOT_STARTED = 126;

    private static final long LONG_LIFE_NANOS = 10_000_000_000L;
    /** Tells the process its own id, which the protocol wants and nobody else can know beforehand. */
    private static final List<String> EXEC =
            List.of("/bin/sh", "-c", "LISTEN_PID=$$; export LISTEN_PID; exec \"$@\"", "rafter");

    private final List<String> command;
    private final String address =
            "@rafter-" + ProcessHandle.current().pid() + "-" + Long.toHexString(new SecureRandom().nextLong());
    private final KeptFds kept = new KeptFds();
    private final CountDownLatch ended = new CountDownLatch(1);
    /** When a daemon served last, or who waited was denied: nobody has waited for longer. */
    private long waitedSinceNanos;

    private boolean stopping;
    /** Ends in order when it gets SIGTERM. Guarded by the monitor, as is {@code stopping}: SIGTERM comes on another thread. */
    private @Nullable ChildProcess child;

    private Supervisor(List<String> command) {
        this.command = command;
    }

    /** Runs until the daemon has ended in order; the exit code is the daemon's. */
    public static void main(String[] arguments) throws KernelException, InterruptedException {
        if (arguments.length == 0) {
            say("the daemon's command is missing");
            System.exit(2);
        }
        Supervisor supervisor = new Supervisor(List.of(arguments));
        Runtime.getRuntime().addShutdownHook(Thread.ofPlatform().unstarted(supervisor::stop));
        int code;
        try {
            code = supervisor.run();
        } finally {
            supervisor.ended.countDown();
        }
        System.exit(code); // waits for ever if the process is ending already, and that is well
    }

    /** On SIGTERM: has the daemon end in order, however long that takes; readers are served all the while. */
    private void stop() {
        synchronized (this) {
            stopping = true;
            if (child != null) {
                child.signal(ChildProcess.SIGTERM);
            }
        }
        try {
            ended.await();
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }

    private int run() throws KernelException, InterruptedException {
        try (kept;
                Fd socket = UnixDatagrams.bind(address)) {
            long pauseMillis = 0;
            waitedSinceNanos = System.nanoTime();
            while (true) {
                long startNanos = System.nanoTime();
                int code = tryLive(socket);
                if (kept.isReady()) {
                    waitedSinceNanos = System.nanoTime();
                }
                if (code == 0 || !kept.wasReady()) {
                    return code;
                }
                if (code == RESTART || System.nanoTime() - startNanos > LONG_LIFE_NANOS) {
                    pauseMillis = 0;
                }
                say("the daemon ended with " + code + "; starting it again"
                        + (pauseMillis == 0 ? "" : " in " + pauseMillis + " ms"));
                denyIfNobodyServes();
                Thread.sleep(pauseMillis);
                pauseMillis = Math.clamp(2 * pauseMillis, FIRST_PAUSE_MILLIS, LONGEST_PAUSE_MILLIS);
            }
        }
    }

    /** A reader may wait for the next daemon, also for one that does not get to serve, but not for ever. */
    private void denyIfNobodyServes() {
        if (System.nanoTime() - waitedSinceNanos > LONGEST_WAIT_NANOS) {
            say("no daemon has served for a while: who waits for one gets EIO");
            kept.denyWaiting();
            waitedSinceNanos = System.nanoTime();
        }
    }

    /** One life; memory or processes that are short just now are no reason to let go of the guards. */
    private int tryLive(Fd socket) throws KernelException {
        try {
            return live(socket);
        } catch (KernelException e) {
            if (!kept.wasReady()) {
                throw e;
            }
            say("the daemon cannot be started: " + e.getMessage());
            return NOT_STARTED;
        }
    }

    /** One life of the daemon; its exit code. */
    private int live(Fd socket) throws KernelException {
        Map<String, String> environment = new HashMap<>(System.getenv());
        environment.put("NOTIFY_SOCKET", address);
        kept.announce(environment);
        kept.expectReady();
        List<String> all = new ArrayList<>(EXEC);
        all.addAll(command);
        try (ChildProcess process = ChildProcess.start(all, environment, kept.fds())) {
            if (!kept.wasReady()) {
                stopWith(process); // nothing is mounted that would have to be unmounted first
            }
            try (EventPoll poll = new EventPoll()) {
                poll.add(socket, SOCKET);
                poll.add(process.pidfd(), CHILD);
                serve(socket, process, poll);
            } catch (KernelException e) {
                say("the daemon cannot be heard, and is killed: " + e.getMessage());
                process.signal(ChildProcess.SIGKILL);
            }
            stopWith(null);
            return process.await();
        }
    }

    /** Has SIGTERM passed on to a process, also one that came before; to none if null. */
    private synchronized void stopWith(@Nullable ChildProcess process) {
        if (stopping && process != null && process != child) {
            process.signal(ChildProcess.SIGTERM);
        }
        child = process;
    }

    /** Takes messages until the process has ended and there are no more of it. One that does not get to serve is killed. */
    private void serve(Fd socket, ChildProcess process, EventPoll poll) throws KernelException {
        long[] ready = new long[2];
        long startNanos = System.nanoTime();
        while (true) {
            boolean expected = kept.wasReady() && !kept.isReady();
            int count = poll.await(ready, expected ? 1_000 : -1);
            if (expected) {
                denyIfNobodyServes();
            }
            if (expected && System.nanoTime() - startNanos > LONGEST_START_NANOS) {
                say("the next daemon does not get to serve; it is killed");
                process.signal(ChildProcess.SIGKILL);
            }
            boolean message = false;
            for (int i = 0; i < count; i++) {
                message |= ready[i] == SOCKET;
            }
            if (message) {
                take(UnixDatagrams.receive(socket), process);
                if (kept.isReady()) {
                    stopWith(process);
                }
            } else if (count > 0) {
                return;
            }
        }
    }

    private void take(UnixDatagrams.Message message, ChildProcess process) {
        if (message.pid() == process.pid()) {
            kept.take(message);
        } else {
            say("a message of process " + message.pid() + " is not heard: it is not the daemon");
            message.fds().forEach(Fd::close);
        }
    }

    @SuppressWarnings("SystemOut") // a program of its own, whose standard error is the daemon's log
    private static void say(String message) {
        System.err.println("rafter supervisor: " + message);
    }
}
