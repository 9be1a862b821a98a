package dev.rafter.registry.http;

import java.nio.file.Path;
import java.util.List;

/**
 * How one host is spoken to.
 *
 * @param authorities PEM files whose certificates are trusted besides the system's
 * @param clientCertificates shown to hosts that ask for one
 * @param skipVerify accept any certificate: only for tests of registries, the person asked for it
 */
public record HostSettings(List<Path> authorities, List<ClientCertificate> clientCertificates, boolean skipVerify) {
    /** System authorities, nothing else. */
    public static final HostSettings DEFAULT = new HostSettings(List.of(), List.of(), false);

    public HostSettings {
        authorities = List.copyOf(authorities);
        clientCertificates = List.copyOf(clientCertificates);
    }

    /**
     * PEM files: a certificate with its chain, and its key (PKCS 8, unencrypted).
     */
    public record ClientCertificate(Path certificate, Path key) {}
}
