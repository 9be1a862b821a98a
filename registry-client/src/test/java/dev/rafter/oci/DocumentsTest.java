package dev.rafter.oci;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DocumentsTest {
    private static final Digest DIGEST = Digest.sha256(new byte[0]);
    private static final String BLOB = "{\"mediaType\":\"m/m\",\"digest\":\"" + DIGEST + "\",\"size\":7}";

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void aManifestReadsAndWritesTheSame() throws Exception {
        Descriptor config = new Descriptor(MediaTypes.OCI_CONFIG, DIGEST, 12);
        Map<String, String> annotations = new LinkedHashMap<>();
        for (int i = 9; i >= 0; i--) {
            annotations.put("key" + i, "value");
        }
        Descriptor layer = new Descriptor(MediaTypes.OCI_LAYER_GZIP, DIGEST, 0).withAnnotations(annotations);
        Manifest manifest = new Manifest(MediaTypes.OCI_MANIFEST, config, List.of(layer, layer));
        byte[] json = manifest.toJson();
        assertEquals(manifest, Manifest.parse(json, "m"));
        assertArrayEquals(json, Manifest.parse(json, "m").toJson());
        String text = new String(json, StandardCharsets.UTF_8);
        assertTrue(
                text.startsWith("{\"schemaVersion\":2,\"mediaType\":\"" + MediaTypes.OCI_MANIFEST + "\",\"config\":{"),
                text);
        assertTrue(text.contains("\"size\":0"), text);
        assertTrue(text.indexOf("key0") < text.indexOf("key9"), text);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"schemaVersion\":1,\"config\":%s,\"layers\":[]} | schemaVersion 1, not 2",
                "{\"schemaVersion\":2,\"layers\":[]} | the manifest has no config",
                "{\"schemaVersion\":2,\"config\":%s,\"layers\":[null]} | the manifest has no value in a place of layers",
                "{\"schemaVersion\":2,\"config\":%s,\"layers\":[],\"manifests\":[]} | is ambiguous",
                "{\"schemaVersion\":2,\"mediaType\":\"text/html\",\"config\":%s,\"layers\":[]} | media type \"text/html\"",
                "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"m\",\"digest\":\"sha256:1\",\"size\":1},\"layers\":[]} | not a sha256 or sha512 digest",
                "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"m\",\"digest\":\"" + "%d"
                        + "\",\"size\":-1},\"layers\":[]} | negative size",
                "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"m\",\"digest\":\"" + "%d"
                        + "\"},\"layers\":[]} | size",
                "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"m\",\"digest\":\"" + "%d"
                        + "\",\"size\":1.5},\"layers\":[]} | size",
                "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"m\",\"digest\":\"" + "%d"
                        + "\",\"size\":\"1\"},\"layers\":[]} | size",
                "{\"schemaVersion\":2,\"schemaVersion\":2,\"config\":%s,\"layers\":[]} | not valid JSON",
                "{\"schemaVersion\":2,\"config\":%s,\"layers\":[]} {} | the manifest",
                "[] | the manifest",
                "null | the manifest",
                "{\"schemaVersion\":2, | not valid JSON",
            })
    void aManifestThatIsNoneIsRefusedByName(String json, String problem) {
        byte[] bytes = utf8(json.replace("%s", BLOB).replace("%d", DIGEST.toString()));
        DocumentException e = assertThrows(DocumentException.class, () -> Manifest.parse(bytes, "the manifest"));
        assertTrue(e.getMessage().startsWith("the manifest: "), e.getMessage());
        assertTrue(e.getMessage().contains(problem), e.getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"config", "layers"})
    void anIndexThatMayBeAManifestIsRefused(String field) {
        byte[] bytes = utf8("{\"schemaVersion\":2,\"manifests\":[],\"" + field + "\":[]}");
        assertThrows(DocumentException.class, () -> Index.parse(bytes, "index"));
    }

    @Test
    void anIndexFindsPlatforms() throws Exception {
        Descriptor amd64 = new Descriptor(MediaTypes.OCI_MANIFEST, Digest.sha256(new byte[1]), 1)
                .withPlatform(Platform.parse("linux/amd64"));
        Descriptor arm64 = new Descriptor(MediaTypes.OCI_MANIFEST, Digest.sha256(new byte[2]), 1)
                .withPlatform(Platform.parse("linux/arm64/v8"));
        Descriptor attestation = new Descriptor(MediaTypes.OCI_MANIFEST, Digest.sha256(new byte[3]), 1)
                .withPlatform(Platform.parse("unknown/unknown"));
        Index index =
                Index.parse(new Index(MediaTypes.OCI_INDEX, List.of(attestation, amd64, arm64)).toJson(), "index");
        assertEquals(amd64, index.forPlatform(Platform.parse("linux/amd64")).orElseThrow());
        assertEquals(arm64, index.forPlatform(Platform.parse("linux/arm64")).orElseThrow());
        assertTrue(index.forPlatform(Platform.parse("linux/riscv64")).isEmpty());
    }

    @Test
    void aConfigurationKeepsWhatItDoesNotKnow() throws Exception {
        String json =
                "{\"created\":\"2026-01-01T00:00:00Z\",\"architecture\":\"arm64\",\"os\":\"linux\",\"variant\":\"v8\",\"x-ours\":{\"a\":[1,2]},"
                        + "\"config\":{\"Env\":[\"A=1\"],\"Entrypoint\":[\"/run\"],\"Cmd\":[\"-v\"],\"Healthcheck\":{\"Test\":[\"NONE\"]}},"
                        + "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" + DIGEST + "\"]},"
                        + "\"history\":[{\"created_by\":\"one\"},{\"created_by\":\"two\",\"empty_layer\":true}]}";
        ImageConfig config = ImageConfig.parse(utf8(json), "config");
        assertEquals("linux/arm64/v8", config.platform().toString());
        assertEquals(List.of("/run", "-v"), config.execution().command());
        assertEquals(List.of(DIGEST), config.diffIds());
        assertTrue(config.history().getFirst().madeLayer());
        assertTrue(!config.history().get(1).madeLayer());
        assertEquals(json, new String(config.toJson(), StandardCharsets.UTF_8));

        Digest other = Digest.sha256(new byte[9]);
        ImageConfig converted =
                config.withLayers(List.of(other), List.of(config.history().getFirst()));
        String text = new String(converted.toJson(), StandardCharsets.UTF_8);
        assertEquals(List.of(other), converted.diffIds());
        assertTrue(text.contains("\"x-ours\":{\"a\":[1,2]}") && text.contains("Healthcheck"), text);
        assertEquals(List.of(DIGEST), config.diffIds());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "[]",
                "{}",
                "{\"os\":\"linux\"}",
                "{\"os\":\"linux\",\"architecture\":\"x\",\"rootfs\":{\"diff_ids\":7}}",
                "{\"os\":\"linux\",\"architecture\":\"x\",\"rootfs\":{\"diff_ids\":[\"sha256:zz\"]}}",
                "{\"os\":\"linux\",\"architecture\":\"x\",\"history\":{}}"
            })
    void aConfigurationThatIsNoneIsRefused(String json) {
        assertThrows(DocumentException.class, () -> ImageConfig.parse(utf8(json), "config"));
    }

    @Test
    void depthAndSizeAreBounded() {
        byte[] deep = utf8("{\"a\":" + "[".repeat(100_000));
        assertThrows(DocumentException.class, () -> Manifest.parse(deep, "deep"));
        byte[] big = new byte[Json.MAX_DOCUMENT_BYTES + 1];
        DocumentException e = assertThrows(DocumentException.class, () -> Json.tree(big, "big"));
        assertTrue(e.getMessage().contains("more than 8388608"), e.getMessage());
    }

    @FuzzTest(maxDuration = "30s")
    void manifestsEndInAValueOrADocumentException(byte[] json) {
        try {
            Manifest manifest = Manifest.parse(json, "fuzz");
            assertEquals(manifest, Manifest.parse(manifest.toJson(), "again"));
        } catch (DocumentException e) {
            assertTrue(e.getMessage().contains("fuzz: "), e.getMessage());
        }
    }

    @FuzzTest(maxDuration = "30s")
    void indexesEndInAValueOrADocumentException(byte[] json) {
        try {
            Index index = Index.parse(json, "fuzz");
            assertEquals(index, Index.parse(index.toJson(), "again"));
        } catch (DocumentException e) {
            assertTrue(e.getMessage().contains("fuzz: "), e.getMessage());
        }
    }

    @FuzzTest(maxDuration = "30s")
    void configurationsEndInAValueOrADocumentException(byte[] json) {
        try {
            ImageConfig config = ImageConfig.parse(json, "fuzz");
            assertEquals(
                    config.diffIds(),
                    ImageConfig.parse(config.toJson(), "again").diffIds());
        } catch (DocumentException e) {
            assertTrue(e.getMessage().contains("fuzz: "), e.getMessage());
        }
    }
}
