package dev.rafter.registry.http;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/**
 * TLS files per host where containerd and Docker have them: {@code DIR/HOST[:PORT]/}, or {@code DIR/HOST_PORT_/}, with authorities in
 * {@code *.crt} and client certificates in pairs of {@code X.cert} and {@code X.key}.
 */
public final class CertsDirectory {
    /** Where containerd looks. */
    public static final Path CONTAINERD = Path.of("/etc/containerd/certs.d");

    private CertsDirectory() {}

    /** What the directory has for a host; empty if it has nothing. */
    public static Optional<HostSettings> settings(Path directory, String host) throws IOException {
        for (String name : List.of(host, host.replaceFirst(":(\\d+)$", "_$1_"))) {
            Path ofHost = directory.resolve(name.replace("/", "_"));
            if (Files.isDirectory(ofHost)) {
                List<Path> authorities = files(ofHost, "*.crt");
                List<HostSettings.ClientCertificate> clients = new ArrayList<>();
                for (Path certificate : files(ofHost, "*.cert")) {
                    String file = certificate.getFileName().toString();
                    Path key = certificate.resolveSibling(file.substring(0, file.length() - 5) + ".key");
                    clients.add(new HostSettings.ClientCertificate(certificate, key));
                }
                return authorities.isEmpty() && clients.isEmpty()
                        ? Optional.empty()
                        : Optional.of(new HostSettings(authorities, clients, false));
            }
        }
        return Optional.empty();
    }

    private static List<Path> files(Path directory, String glob) throws IOException {
        List<Path> files = new ArrayList<>();
        try (DirectoryStream<Path> stream = Files.newDirectoryStream(directory, glob)) {
            stream.forEach(files::add);
        }
        Collections.sort(files);
        return files;
    }
}
