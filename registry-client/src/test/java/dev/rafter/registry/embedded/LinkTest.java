package dev.rafter.registry.embedded;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The link carries every byte, counts what it carried, and is never faster than its formula. */
@Timeout(30)
final class LinkTest {
    private final byte[] body = new byte[1 << 20];
    private HttpServer upstream;

    @BeforeEach
    void start() throws Exception {
        new Random(1).nextBytes(body);
        upstream = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        upstream.createContext("/", exchange -> {
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        upstream.start();
    }

    @AfterEach
    void stop() {
        upstream.stop(0);
    }

    @Test
    void carriesEveryByteAndCountsIt() throws Exception {
        try (Link link = Link.open(LinkSpeed.unshaped(), upstream.getAddress());
                HttpClient client = HttpClient.newHttpClient()) {
            assertArrayEquals(body, get(client, link, "/v2/app/blobs/sha256:0"));
            assertArrayEquals(body, get(client, link, "/v2/app/manifests/1"));
            LinkCounts counts = link.counts();
            assertEquals(2, counts.requests());
            assertEquals(1, counts.connections());
            assertTrue(counts.blobBytes() >= body.length, counts::toString);
            assertTrue(counts.manifestBytes() >= body.length, counts::toString);
            link.resetCounts();
            assertEquals(0, link.counts().bytes());
        }
    }

    @Test
    void isNeverFasterThanItsRateAndRoundTrips() throws Exception {
        LinkSpeed speed = LinkSpeed.parse("80mbit/40ms");
        try (Link link = Link.open(speed, upstream.getAddress());
                HttpClient client = HttpClient.newHttpClient()) {
            long start = System.nanoTime();
            get(client, link, "/");
            double seconds = (System.nanoTime() - start) / 1e9;
            double formula = body.length / 10e6 + 2 * 0.040;
            assertTrue(seconds >= formula * 0.99, seconds + " s are less than the " + formula + " s of the formula");
        }
    }

    @Test
    void speedsAreRead() {
        assertEquals(
                new LinkSpeed("100 Mbit/s, 20 ms", 12_500_000, Duration.ofMillis(20)), LinkSpeed.parse("100mbit/20ms"));
        assertEquals(LinkSpeed.unshaped(), LinkSpeed.parse("unshaped"));
        assertThrows(IllegalArgumentException.class, () -> LinkSpeed.parse("fast"));
    }

    private static byte[] get(HttpClient client, Link link, String path) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://" + link.host() + path))
                .build();
        return client.send(request, HttpResponse.BodyHandlers.ofByteArray()).body();
    }
}
