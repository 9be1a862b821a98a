package dev.rafter.registry.embedded;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.HttpExchange;
import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Digest;
import dev.rafter.oci.DocumentException;
import dev.rafter.oci.Index;
import dev.rafter.oci.Json;
import dev.rafter.oci.Manifest;
import dev.rafter.oci.MediaTypes;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** {@code /v2/NAME/manifests/}, {@code tags/list} and {@code referrers/}: manifests by digest and by tag. */
final class ManifestEndpoint {
    private static final Pattern TAG = Pattern.compile("[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}");

    private final EmbeddedRegistry registry;

    ManifestEndpoint(EmbeddedRegistry registry) {
        this.registry = registry;
    }

    void handle(HttpExchange exchange, String name, String reference) throws IOException, Refusal {
        switch (exchange.getRequestMethod()) {
            case "GET", "HEAD" -> read(exchange, name, reference);
            case "PUT" -> write(exchange, name, reference);
            case "DELETE" -> remove(exchange, name, reference);
            default -> throw new Refusal(405, "UNSUPPORTED", "method not allowed");
        }
    }

    void tags(HttpExchange exchange, String name) throws IOException, Refusal {
        Repository repository = require(name);
        byte[] body = Json.bytes(
                Map.of("name", name, "tags", List.copyOf(repository.tags().keySet())));
        Answers.json(exchange, 200, "application/json", body);
    }

    void referrers(HttpExchange exchange, String name, Digest subject) throws IOException {
        Repository repository = registry.find(name);
        List<Descriptor> of = repository == null ? List.of() : List.copyOf(repository.referrers(subject));
        Answers.json(exchange, 200, MediaTypes.OCI_INDEX, new Index(MediaTypes.OCI_INDEX, of).toJson());
    }

    private void read(HttpExchange exchange, String name, String reference) throws IOException, Refusal {
        Descriptor manifest = find(name, reference);
        exchange.getResponseHeaders()
                .set("Docker-Content-Digest", manifest.digest().toString());
        try (InputStream content = registry.contents().open(manifest.digest(), 0)) {
            Answers.json(exchange, 200, manifest.mediaType(), content.readAllBytes());
        }
    }

    private void write(HttpExchange exchange, String name, String reference) throws IOException, Refusal {
        byte[] body = exchange.getRequestBody().readNBytes(Json.MAX_DOCUMENT_BYTES + 1);
        String contentType = exchange.getRequestHeaders().getFirst("Content-Type");
        Digest digest = Digest.sha256(body);
        if (reference.contains(":") && !RegistryHandler.digest(reference).equals(digest)) {
            throw new Refusal(400, "DIGEST_INVALID", "the manifest has the digest " + digest + ", not " + reference);
        }
        Repository repository = registry.getOrCreate(name);
        Descriptor descriptor = validate(repository, body, contentType);
        store(body, digest);
        repository.addManifest(descriptor);
        if (!reference.contains(":")) {
            tag(repository, reference, digest);
        }
        Digest subject = subject(body);
        if (subject != null) {
            repository.addReferrer(subject, descriptor);
            exchange.getResponseHeaders().set("OCI-Subject", subject.toString());
        }
        registry.save();
        exchange.getResponseHeaders().set("Location", "/v2/" + name + "/manifests/" + digest);
        exchange.getResponseHeaders().set("Docker-Content-Digest", digest.toString());
        Answers.empty(exchange, 201);
    }

    private static void tag(Repository repository, String tag, Digest digest) throws Refusal {
        if (!TAG.matcher(tag).matches()) {
            throw new Refusal(400, "TAG_INVALID", "not a tag: " + tag);
        }
        repository.tags().put(tag, digest);
    }

    private void store(byte[] body, Digest digest) throws IOException {
        String upload = UUID.randomUUID().toString();
        try (OutputStream out = registry.contents().append(upload)) {
            out.write(body);
        }
        registry.contents().commit(upload, digest);
    }

    /** Reads a manifest or an index, and checks that the repository has what it refers to. */
    private static Descriptor validate(Repository repository, byte[] body, @Nullable String contentType)
            throws Refusal {
        String mediaType = contentType == null ? "" : MediaTypes.withoutParameters(contentType);
        List<Descriptor> needed = new ArrayList<>();
        String artifactType = null;
        try {
            if (MediaTypes.isIndex(mediaType)) {
                needed.addAll(Index.parse(body, "index").manifests());
            } else if (MediaTypes.isManifest(mediaType)) {
                Manifest manifest = Manifest.parse(body, "manifest");
                needed.addAll(manifest.layers());
                needed.add(manifest.config());
                artifactType = manifest.artifactType();
            } else {
                throw new Refusal(400, "MANIFEST_INVALID", "not a manifest: \"" + mediaType + "\"");
            }
        } catch (DocumentException e) {
            throw new Refusal(400, "MANIFEST_INVALID", String.valueOf(e.getMessage()));
        }
        for (Descriptor one : needed) {
            if (!repository.hasBlob(one.digest()) && !repository.manifests().containsKey(one.digest())) {
                throw new Refusal(404, "MANIFEST_BLOB_UNKNOWN", "the repository has no " + one.digest());
            }
        }
        return new Descriptor(mediaType, Digest.sha256(body), body.length, Map.of(), null, artifactType);
    }

    private static @Nullable Digest subject(byte[] body) throws DocumentException {
        JsonNode digest = Json.tree(body, "manifest").path("subject").path("digest");
        return digest.isTextual() ? Digest.parse(digest.textValue()) : null;
    }

    private void remove(HttpExchange exchange, String name, String reference) throws IOException, Refusal {
        Repository repository = require(name);
        if (reference.contains(":")) {
            if (!repository.removeManifest(RegistryHandler.digest(reference))) {
                throw unknown(reference);
            }
        } else if (repository.tags().remove(reference) == null) {
            throw unknown(reference);
        }
        registry.save();
        Answers.empty(exchange, 202);
    }

    private Descriptor find(String name, String reference) throws Refusal {
        Repository repository = require(name);
        Digest digest = reference.contains(":")
                ? RegistryHandler.digest(reference)
                : repository.tags().get(reference);
        Descriptor manifest = digest == null ? null : repository.manifests().get(digest);
        if (manifest == null) {
            throw unknown(reference);
        }
        return manifest;
    }

    private static Refusal unknown(String reference) {
        return new Refusal(404, "MANIFEST_UNKNOWN", "manifest unknown: " + reference);
    }

    private Repository require(String name) throws Refusal {
        Repository repository = registry.find(name);
        if (repository == null) {
            throw new Refusal(404, "NAME_UNKNOWN", "repository name not known to registry: " + name);
        }
        return repository;
    }
}
