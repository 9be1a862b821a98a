package dev.rafter.deploy.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.rafter.registry.embedded.Link;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** A parallel download of the image's layers to nowhere: what the link allows. */
final class RawDownload implements Comparator {
    private static final String MANIFEST = "application/vnd.oci.image.manifest.v1+json";

    @Override
    public String name() {
        return "raw";
    }

    @Override
    public void reset(Link link) {
        // It has no state: each start uses a client, and so connections, of its own.
    }

    @Override
    public Ready start(BenchImage image, Link link) throws IOException, InterruptedException {
        try (HttpClient client = HttpClient.newHttpClient()) {
            String base = "http://" + link.host() + "/v2/" + image.repository();
            HttpRequest request = HttpRequest.newBuilder(URI.create(base + "/manifests/" + image.tag()))
                    .header("Accept", MANIFEST)
                    .build();
            JsonNode manifest = new ObjectMapper()
                    .readTree(client.send(request, BodyHandlers.ofString()).body());
            List<CompletableFuture<HttpResponse<Void>>> layers = new ArrayList<>();
            for (JsonNode layer : manifest.get("layers")) {
                URI blob = URI.create(base + "/blobs/" + layer.get("digest").asText());
                layers.add(client.sendAsync(HttpRequest.newBuilder(blob).build(), BodyHandlers.discarding()));
            }
            for (CompletableFuture<HttpResponse<Void>> layer : layers) {
                layer.join();
            }
            return Ready.now(link);
        }
    }

    @Override
    public void close() {
        // nothing is open
    }
}
