package dev.rafter.oci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ReferenceTest {
    private static final String HEX = "0123456789abcdef".repeat(4);

    @ParameterizedTest
    @CsvSource({
        "debian, docker.io/library/debian:latest",
        "debian:12, docker.io/library/debian:12",
        "docker.io/debian, docker.io/library/debian:latest",
        "index.docker.io/a/b:1, docker.io/a/b:1",
        "someone/app, docker.io/someone/app:latest",
        "localhost/app, localhost/app:latest",
        "localhost:5000/app:x, localhost:5000/app:x",
        "registry.example/a/b/c:v1.2_3-4, registry.example/a/b/c:v1.2_3-4",
        "REGISTRY/app, REGISTRY/app:latest",
        "127.0.0.1:5000/bench/nginx:1, 127.0.0.1:5000/bench/nginx:1",
        "[::1]:5000/app, [::1]:5000/app:latest",
        "a__b/c--d.e_f:T, docker.io/a__b/c--d.e_f:T",
    })
    void namesAreReadAsDockerReadsThem(String text, String full) {
        assertEquals(full, Reference.parse(text).toString());
        assertEquals(
                Reference.parse(full), Reference.parse(Reference.parse(text).toString()));
    }

    @ParameterizedTest
    @CsvSource({"app@sha256:%s", "app:1@sha256:%s", "h.example:1/app:1@sha256:%s"})
    void aDigestIsWhatIsAskedFor(String text) {
        Reference reference = Reference.parse(text.formatted(HEX));
        assertEquals("sha256:" + HEX, reference.manifestName());
        assertEquals(reference, Reference.parse(reference.toString()));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                ":",
                "/",
                "@",
                "a/",
                "/a",
                "a//b",
                "A/b/",
                "UPPER",
                "a/B",
                "app:",
                "app:-x",
                "app:.x",
                "app@",
                "app@sha256:12",
                "app@md5:d41d8cd98f00b204e9800998ecf8427e",
                "https://registry.example/app",
                "h.example:99999/app",
                "h.example:/app",
                "h.example:port/app",
                "a..b",
                "a___b",
                "-a",
                "a-",
                "_a",
                "a b",
                "a\nb",
                "a:b:c",
                "h..example/a",
                "[::1/app",
                "h.example/",
                "app:1@"
            })
    void whatIsNoneIsRefusedWithTheReason(String text) {
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> Reference.parse(text));
        assertTrue(String.valueOf(e.getMessage()).startsWith("not an image reference: \""), e.getMessage());
    }

    @ParameterizedTest
    @ValueSource(ints = {256, 5000, 1_000_000})
    void longNamesAreRefusedInNoTime(int length) {
        assertThrows(IllegalArgumentException.class, () -> Reference.parse("a".repeat(length)));
        assertThrows(IllegalArgumentException.class, () -> Reference.parse("a-".repeat(length / 2)));
        assertThrows(
                IllegalArgumentException.class, () -> Reference.parse("h.example/" + "a_".repeat(length / 2) + "!"));
    }

    @FuzzTest(maxDuration = "30s")
    void whateverIsAcceptedReadsTheSameAgain(FuzzedDataProvider data) {
        Reference reference;
        try {
            reference = Reference.parse(data.consumeRemainingAsString());
        } catch (IllegalArgumentException e) {
            return;
        }
        Reference again = Reference.parse(reference.toString());
        assertEquals(reference.manifestName(), again.manifestName());
        assertEquals(reference.repository(), again.repository());
        assertEquals(reference.host(), again.host());
    }
}
