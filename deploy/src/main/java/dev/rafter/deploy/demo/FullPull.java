package dev.rafter.deploy.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.rafter.deploy.harness.Shell;
import dev.rafter.oci.MediaTypes;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** What a node does without lazy loading: downloads all layers at once, then unpacks one after the other. */
final class FullPull {
    private FullPull() {}

    /**
     * Pulls an image from a registry in plain HTTP into a directory.
     *
     * @param name "HOST:PORT/NAME"
     */
    static void pull(String host, String name, String tag, Path directory) throws IOException, InterruptedException {
        Path layers = Files.createDirectories(directory.resolveSibling("layers"));
        Files.createDirectories(directory);
        try (HttpClient client = HttpClient.newHttpClient()) {
            String base = "http://" + host + "/v2/" + name;
            HttpRequest request = HttpRequest.newBuilder(URI.create(base + "/manifests/" + tag))
                    .header("Accept", MediaTypes.OCI_MANIFEST)
                    .build();
            JsonNode manifest = new ObjectMapper()
                    .readTree(client.send(request, BodyHandlers.ofByteArray()).body());
            List<CompletableFuture<HttpResponse<Path>>> downloads = new ArrayList<>();
            for (JsonNode layer : manifest.get("layers")) {
                String digest = layer.get("digest").asText();
                HttpRequest blob = HttpRequest.newBuilder(URI.create(base + "/blobs/" + digest))
                        .build();
                downloads.add(client.sendAsync(blob, BodyHandlers.ofFile(layers.resolve(digest.replace(':', '-')))));
            }
            for (CompletableFuture<HttpResponse<Path>> download : downloads) {
                Path file = download.join().body();
                Shell.run("tar", "-xzf", file.toString(), "-C", directory.toString(), "--numeric-owner");
                Files.delete(file);
            }
        }
        Files.delete(layers);
    }
}
