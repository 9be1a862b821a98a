package dev.rafter.registry.http;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The proxy that {@code HTTPS_PROXY}, {@code HTTP_PROXY} and {@code NO_PROXY} name, in either case, as curl and Go read them. The
 * machine itself is always spoken to directly.
 */
final class EnvironmentProxies extends ProxySelector {
    private final Map<String, String> environment;

    EnvironmentProxies(Map<String, String> environment) {
        this.environment = environment;
    }

    @Override
    public List<Proxy> select(URI url) {
        String host = String.valueOf(url.getHost()).toLowerCase(Locale.ROOT);
        String proxy = variable("https".equalsIgnoreCase(url.getScheme()) ? "HTTPS_PROXY" : "HTTP_PROXY");
        if (proxy == null || Urls.isLoopback(host) || isExcluded(host)) {
            return List.of(Proxy.NO_PROXY);
        }
        return List.of(parse(proxy));
    }

    private boolean isExcluded(String host) {
        String excluded = variable("NO_PROXY");
        if (excluded == null) {
            return false;
        }
        for (String entry : excluded.toLowerCase(Locale.ROOT).split("[,\\s]+", -1)) {
            String name = entry.startsWith(".") ? entry.substring(1) : entry;
            if (entry.equals("*") || (!name.isEmpty() && (host.equals(name) || host.endsWith("." + name)))) {
                return true;
            }
        }
        return false;
    }

    private static Proxy parse(String proxy) {
        URI address = URI.create(proxy.contains("://") ? proxy : "http://" + proxy);
        boolean socks = String.valueOf(address.getScheme()).startsWith("socks");
        int port = address.getPort() > 0 ? address.getPort() : socks ? 1080 : 80;
        return new Proxy(
                socks ? Proxy.Type.SOCKS : Proxy.Type.HTTP,
                InetSocketAddress.createUnresolved(address.getHost(), port));
    }

    private @Nullable String variable(String name) {
        String value = environment.getOrDefault(name, environment.get(name.toLowerCase(Locale.ROOT)));
        return value == null || value.isBlank() ? null : value.strip();
    }

    /** Nothing is learnt from failures: the next request asks the proxy again. */
    @Override
    public void connectFailed(URI url, SocketAddress address, IOException failure) {}
}
