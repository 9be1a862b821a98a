package dev.rafter.registry.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.Proxy;
import java.net.URI;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The parts of speaking HTTP that need no server. */
@Timeout(30)
class HttpTest {
    @Test
    void waitsAreCountedAndEnd() throws Exception {
        Backoff backoff = new Backoff(new Backoff.Policy(3, 1, 2), Deadline.NONE);
        assertTrue(backoff.await(null));
        assertTrue(backoff.await(null));
        assertFalse(backoff.await(null));
        backoff.reset();
        assertTrue(backoff.await(null));
    }

    @Test
    void waitsThatWouldPassTheDeadlineAreNotBegun() throws Exception {
        Backoff backoff = new Backoff(new Backoff.Policy(3, 1, 60_000), Deadline.after(Duration.ofSeconds(1)));
        long begun = System.nanoTime();
        assertFalse(backoff.await("30"));
        assertTrue(System.nanoTime() - begun < 10_000_000_000L);
    }

    @ParameterizedTest
    @ValueSource(strings = {"-1", "soon", "", "99999999999999999999", "Tue, 01 Jan 2019 00:00:00 GMT", "0"})
    void whatAServerAsksInNonsenseOrThePastIsNotWaitedFor(String retryAfter) throws Exception {
        long begun = System.nanoTime();
        assertTrue(new Backoff(new Backoff.Policy(2, 1, 60_000), Deadline.NONE).await(retryAfter));
        assertTrue(System.nanoTime() - begun < 10_000_000_000L);
    }

    @Test
    void whatAServerAsksIsBounded() throws Exception {
        long begun = System.nanoTime();
        assertTrue(new Backoff(new Backoff.Policy(2, 1, 20), Deadline.NONE).await("3600"));
        long millis = (System.nanoTime() - begun) / 1_000_000;
        assertTrue(millis >= 120 && millis < 20_000, millis + " ms");
    }

    @Test
    void deadlinesPass() throws Exception {
        Deadline deadline = Deadline.after(Duration.ofMillis(500));
        assertFalse(deadline.hasPassed());
        Thread.sleep(510);
        assertTrue(deadline.hasPassed());
        assertEquals(Long.MAX_VALUE, Deadline.NONE.remainingMillis());
    }

    @ParameterizedTest
    @CsvSource({
        "https://a.example/x?y, https://A.example:443/z, true",
        "https://a.example/, http://a.example/, false",
        "https://a.example/, https://a.example:444/, false",
        "https://a.example/, https://a.example.evil/, false",
        "http://127.0.0.1:80/, http://127.0.0.1/, true",
    })
    void originsAreCompared(String one, String other, boolean same) {
        assertEquals(same, Urls.sameOrigin(URI.create(one), URI.create(other)));
    }

    @Test
    void secretsInAddressesAndHeadersAreNotShown() {
        URI url = URI.create("https://me:secret@a.example/p?X-Sig=secret#secret");
        assertEquals("https://a.example/p", Urls.redacted(url));
        String shown = new HttpRequest("GET", url, Deadline.NONE)
                .with("Authorization", "secret")
                .toString();
        assertFalse(shown.contains("secret"), shown);
    }

    @ParameterizedTest
    @CsvSource({
        "localhost, true",
        "localhost:5000, true",
        "127.0.0.1, true",
        "127.1.2.3:80, true",
        "[::1]:5000, true",
        "a.localhost, true",
        "127.example, false",
        "localhost.example, false",
        "10.0.0.1, false",
        "[::2], false"
    })
    void thisMachineIsKnown(String host, boolean loopback) {
        assertEquals(loopback, Urls.isLoopback(host));
    }

    @ParameterizedTest
    @CsvSource({
        "https://a.example/, true",
        "http://a.example/, false",
        "https://b.internal/, false",
        "https://x.b.internal/, false",
        "https://bb.internal/, true",
        "https://localhost/, false",
        "https://127.0.0.1/, false"
    })
    void proxiesAreUsedAsTheEnvironmentSays(String url, boolean proxied) {
        EnvironmentProxies proxies = new EnvironmentProxies(
                Map.of("HTTPS_PROXY", "http://proxy.example:3128", "no_proxy", "c.internal, .b.internal"));
        Proxy proxy = proxies.select(URI.create(url)).getFirst();
        assertEquals(proxied, proxy.type() == Proxy.Type.HTTP);
    }
}
