package dev.rafter.registry.http;

import java.net.URI;
import java.util.Locale;

/** What is asked about addresses. */
public final class Urls {
    private Urls() {}

    /** Scheme, host, port and path: what may be shown. User info and query may hold secrets. */
    public static String redacted(URI url) {
        return origin(url) + (url.getRawPath() == null ? "" : url.getRawPath());
    }

    /** Scheme, host and port, the default port spelled out nowhere. */
    public static String origin(URI url) {
        String scheme = String.valueOf(url.getScheme()).toLowerCase(Locale.ROOT);
        String host = String.valueOf(url.getHost()).toLowerCase(Locale.ROOT);
        boolean defaultPort = url.getPort() < 0
                || (scheme.equals("https") && url.getPort() == 443)
                || (scheme.equals("http") && url.getPort() == 80);
        return scheme + "://" + host + (defaultPort ? "" : ":" + url.getPort());
    }

    /** Whether two addresses belong to the same origin, so that credentials for one may go to the other. */
    public static boolean sameOrigin(URI a, URI b) {
        return origin(a).equals(origin(b));
    }

    /** Whether a HOST[:PORT] is this machine itself. */
    public static boolean isLoopback(String host) {
        String name = hostName(host);
        return name.equals("localhost")
                || name.endsWith(".localhost")
                || name.equals("::1")
                || name.matches("127(\\.\\d{1,3}){3}");
    }

    /** The name in HOST[:PORT], without the brackets of an IPv6 address. */
    public static String hostName(String host) {
        if (host.startsWith("[")) {
            return host.substring(1, Math.max(1, host.indexOf(']')));
        }
        int colon = host.indexOf(':');
        return (colon < 0 ? host : host.substring(0, colon)).toLowerCase(Locale.ROOT);
    }
}
