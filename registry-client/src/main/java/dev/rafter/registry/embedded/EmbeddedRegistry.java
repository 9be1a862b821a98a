package dev.rafter.registry.embedded;

import com.sun.net.httpserver.HttpServer;
import dev.rafter.oci.Json;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;

/**
 * A registry on a free port of 127.0.0.1, in plain HTTP. It is strict about the protocol: digests of what is pushed are checked, manifests
 * must refer to what the repository has, ranges are answered as asked. Each request has a virtual thread.
 *
 * <pre>
 *   try (EmbeddedRegistry registry = EmbeddedRegistry.start(Options.inMemory().withLink(LinkSpeed.parse("100mbit/20ms")))) {
 *       ... registry.host() + "/app:1" ...
 *   }
 * </pre>
 */
public final class EmbeddedRegistry implements AutoCloseable {
    static {
        // The JDK's server sends headers and body apart, and with Nagle's algorithm the body waits for the
        // acknowledgement of the
        // headers: 40 ms. The JDK reads this once, when the first server is made.
        if (System.getProperty("sun.net.httpserver.nodelay") == null) {
            System.setProperty("sun.net.httpserver.nodelay", "true");
        }
    }

    private final Options options;
    private final Contents contents;
    private final Map<String, Repository> repositories = new ConcurrentHashMap<>();
    private final Access.Guard guard;
    private final HttpServer server;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final Link link;
    private volatile int outage;

    /**
     * What kind of registry.
     *
     * @param directory where it keeps what is pushed, and finds it again; null: in memory
     * @param access who may use it
     * @param link what its users' way to it is like
     */
    public record Options(@Nullable Path directory, Access access, LinkSpeed link) {
        public static Options inMemory() {
            return new Options(null, new Access.Open(), LinkSpeed.unshaped());
        }

        public static Options inDirectory(Path directory) {
            return new Options(directory, new Access.Open(), LinkSpeed.unshaped());
        }

        public Options withAccess(Access other) {
            return new Options(directory, other, link);
        }

        public Options withLink(LinkSpeed other) {
            return new Options(directory, access, other);
        }
    }

    private EmbeddedRegistry(Options options) throws IOException {
        this.options = options;
        Path directory = options.directory();
        contents = directory == null ? new Contents.InMemory() : new Contents.InDirectory(directory);
        load();
        guard = new Access.Guard(options.access());
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 128);
        server.setExecutor(threads);
        server.createContext("/", new RegistryHandler(this));
        server.start();
        link = Link.open(options.link(), server.getAddress());
    }

    public static EmbeddedRegistry start(Options options) throws IOException {
        return new EmbeddedRegistry(options);
    }

    /** "127.0.0.1:PORT", over the link. */
    public String host() {
        return link.host();
    }

    /** "127.0.0.1:PORT", not over the link. */
    public String directHost() {
        return "127.0.0.1:" + server.getAddress().getPort();
    }

    /** The address behind {@link #directHost()}. */
    public InetSocketAddress address() {
        return server.getAddress();
    }

    /** What the link has carried. */
    public LinkCounts counts() {
        return link.counts();
    }

    public void resetCounts() {
        link.resetCounts();
    }

    /** Makes all tokens that were given invalid. */
    public void expireTokens() {
        guard.expireTokens();
    }

    /** From now on every request is answered with this status and nothing else; 0 ends that. */
    public void setOutage(int status) {
        outage = status;
    }

    int outage() {
        return outage;
    }

    @Override
    public void close() throws IOException {
        link.close();
        server.stop(0);
        threads.shutdownNow();
        threads.close();
    }

    Contents contents() {
        return contents;
    }

    Access.Guard guard() {
        return guard;
    }

    @Nullable
    Repository find(String name) {
        return repositories.get(name);
    }

    Repository getOrCreate(String name) {
        return repositories.computeIfAbsent(name, _ -> new Repository());
    }

    /** Keeps what repositories hold, where there is a directory. */
    synchronized void save() throws IOException {
        if (options.directory() == null) {
            return;
        }
        Map<String, Repository.Stored> stored = new TreeMap<>();
        repositories.forEach((name, repository) -> stored.put(name, repository.stored()));
        Path file = options.directory().resolve("repositories.json");
        Path next = file.resolveSibling("repositories.json.next");
        Files.write(next, Json.bytes(new StoredAll(stored)));
        Files.move(next, file, StandardCopyOption.ATOMIC_MOVE);
    }

    private void load() throws IOException {
        if (options.directory() == null || !Files.exists(options.directory().resolve("repositories.json"))) {
            return;
        }
        Path file = options.directory().resolve("repositories.json");
        Json.parse(Files.readAllBytes(file), StoredAll.class, file.toString())
                .repositories()
                .forEach((name, stored) -> repositories.put(name, Repository.of(stored)));
    }

    private record StoredAll(Map<String, Repository.Stored> repositories) {}
}
