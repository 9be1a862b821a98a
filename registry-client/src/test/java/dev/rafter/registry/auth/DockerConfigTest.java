package dev.rafter.registry.auth;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(30)
class DockerConfigTest {
    private static final Credentials NOBODY = new Credentials.Anonymous();

    @TempDir
    Path directory;

    private static String auth(String pair) {
        return Base64.getEncoder().encodeToString(pair.getBytes(StandardCharsets.UTF_8));
    }

    private DockerConfig config(String json) throws IOException {
        return new DockerConfig(Files.writeString(directory.resolve("config.json"), json));
    }

    @ParameterizedTest
    @CsvSource({
        "registry.example, registry.example",
        "https://registry.example, registry.example",
        "https://registry.example/v1/, registry.example",
        "registry.example/v2/, registry.example",
        "registry.example:443, registry.example",
        "registry.example, registry.example:443",
        "registry.example:5000, registry.example:5000",
        "https://index.docker.io/v1/, docker.io",
        "docker.io, docker.io",
        "index.docker.io, docker.io",
    })
    void registriesAreFoundByEachOfTheirNames(String key, String host) throws Exception {
        DockerConfig config = config("{\"auths\":{\"" + key + "\":{\"auth\":\"" + auth("me:pa:ss") + "\"}}}");
        assertEquals(new Credentials.Basic("me", "pa:ss"), config.find(host));
        assertEquals(NOBODY, config.find("other.example"));
        assertEquals(NOBODY, config.find(host.replaceFirst(":.*", "") + ":1"));
    }

    @Test
    void everyKindOfEntryIsRead() throws Exception {
        DockerConfig config = config(
                "{\"auths\":{\"a.example\":{\"identitytoken\":\"i\",\"auth\":\"" + auth("u:p") + "\"},"
                        + "\"b.example\":{\"registrytoken\":\"r\"},\"c.example\":{\"username\":\"u\",\"password\":\"p\"},\"d.example\":{}}}");
        assertEquals(new Credentials.IdentityToken("i"), config.find("a.example"));
        assertEquals(new Credentials.RegistryToken("r"), config.find("b.example"));
        assertEquals(new Credentials.Basic("u", "p"), config.find("c.example"));
        assertEquals(NOBODY, config.find("d.example"));
    }

    @Test
    void theFileIsReadAnewEachTimeAndMayBeAbsent() throws Exception {
        DockerConfig config = new DockerConfig(directory.resolve("config.json"));
        assertEquals(NOBODY, config.find("a.example"));
        config("{\"auths\":{\"a.example\":{\"auth\":\"" + auth("u:1") + "\"}}}");
        assertEquals(new Credentials.Basic("u", "1"), config.find("a.example"));
        config("{\"auths\":{\"a.example\":{\"auth\":\"" + auth("u:2") + "\"}}}");
        assertEquals(new Credentials.Basic("u", "2"), config.find("a.example"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "not json",
                "{\"auths\":{\"a.example\":{\"auth\":\"***\"}}}",
                "{\"auths\":{\"a.example\":{\"auth\":\"dXNlcg==\"}}}"
            })
    void whatCannotBeReadIsSaidByFileAndWithoutSecrets(String json) throws Exception {
        DockerConfig config = config(json);
        IOException e = assertThrows(IOException.class, () -> config.find("a.example"));
        assertTrue(String.valueOf(e.getMessage()).contains("config.json"), e.getMessage());
        assertFalse(String.valueOf(e.getMessage()).contains("dXNlcg"), e.getMessage());
    }

    @Test
    void itIsWhereDockerHasIt() {
        assertEquals(
                "/x/config.json",
                DockerConfig.ofUser(Map.of("DOCKER_CONFIG", "/x", "HOME", "/h")).describe());
        assertEquals(
                "/h/.docker/config.json",
                DockerConfig.ofUser(Map.of("HOME", "/h")).describe());
    }

    @Test
    void secretsAreNotShown() {
        List<Credentials> all = List.of(
                new Credentials.Basic("me", "secret"),
                new Credentials.IdentityToken("secret"),
                new Credentials.RegistryToken("secret"));
        assertFalse(all.toString().contains("secret"), all.toString());
    }

    private CredentialHelper helper(String script, Duration timeout) throws IOException {
        Path program = directory.resolve("docker-credential-test");
        Files.writeString(program, "#!/bin/sh\n" + script);
        Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
        return new CredentialHelper(timeout, directory.toString());
    }

    private Credentials fromHelper(String json, String script, String host) throws IOException {
        Path file = Files.writeString(directory.resolve("config.json"), json);
        return new DockerConfig(file, helper(script, Duration.ofSeconds(10))).find(host);
    }

    @Test
    void helpersAreAskedFirst() throws Exception {
        String script =
                "read host; echo \"{\\\"ServerURL\\\":\\\"$host\\\",\\\"Username\\\":\\\"$1\\\",\\\"Secret\\\":\\\"for-$host\\\"}\"";
        String one = "{\"credHelpers\":{\"a.example\":\"test\"},\"auths\":{\"a.example\":{\"auth\":\"" + auth("u:p")
                + "\"}}}";
        assertEquals(new Credentials.Basic("get", "for-a.example"), fromHelper(one, script, "a.example"));
        assertEquals(NOBODY, fromHelper(one, script, "b.example"));
        String store = "{\"credsStore\":\"test\"}";
        assertEquals(new Credentials.Basic("get", "for-b.example"), fromHelper(store, script, "b.example"));
        assertEquals(
                new Credentials.Basic("get", "for-https://index.docker.io/v1/"),
                fromHelper(store, script, "docker.io"));
    }

    @Test
    void aHelperMayGiveATokenOrNothing() throws Exception {
        String store = "{\"credsStore\":\"test\",\"auths\":{\"a.example\":{\"auth\":\"" + auth("u:p") + "\"}}}";
        assertEquals(
                new Credentials.IdentityToken("t"),
                fromHelper(store, "cat >/dev/null; echo '{\"Username\":\"<token>\",\"Secret\":\"t\"}'", "a.example"));
        assertEquals(
                new Credentials.Basic("u", "p"),
                fromHelper(store, "echo credentials not found in native keychain; exit 1", "a.example"));
    }

    @Test
    void aHelperThatFailsOrHangsIsNamed() throws Exception {
        String store = "{\"credsStore\":\"test\"}";
        IOException failed =
                assertThrows(IOException.class, () -> fromHelper(store, "echo the vault is shut; exit 3", "a.example"));
        assertEquals("docker-credential-test failed for a.example: the vault is shut", failed.getMessage());
        CredentialHelper hanging = helper("sleep 60", Duration.ofMillis(300));
        long begun = System.nanoTime();
        IOException late = assertThrows(IOException.class, () -> hanging.get("test", "a.example"));
        assertTrue(String.valueOf(late.getMessage()).contains("did not answer within 300 ms"), late.getMessage());
        assertTrue(System.nanoTime() - begun < 10_000_000_000L);
        IOException absent = assertThrows(IOException.class, () -> hanging.get("absent-one", "a.example"));
        assertTrue(String.valueOf(absent.getMessage()).contains("docker-credential-absent-one"), absent.getMessage());
        assertThrows(IOException.class, () -> hanging.get("../../bin/sh", "a.example"));
    }

    @Test
    void challengesAreRead() {
        List<Challenge> two = Challenge.parse(
                List.of("Bearer realm=\"https://a.example/t\",service=\"s, t\",scope=\"a:b:c\", Basic realm=x"));
        assertEquals(2, two.size());
        assertEquals("s, t", two.getFirst().parameter("service"));
        assertEquals("https://a.example/t", two.getFirst().parameter("realm"));
        assertTrue(two.getFirst().isBearer() && two.get(1).isBasic());
        assertEquals(
                "a\"b",
                Challenge.parse(List.of("bearer REALM=\"a\\\"b\"")).getFirst().parameter("realm"));
        assertTrue(Challenge.parse(List.of("Negotiate")).getFirst().parameters().isEmpty());
        assertEquals(List.of(), Challenge.parse(List.of("", "=", "\"")));
    }

    @FuzzTest(maxDuration = "30s")
    void anyChallengeEnds(FuzzedDataProvider data) {
        for (Challenge challenge : Challenge.parse(List.of(data.consumeRemainingAsString()))) {
            assertFalse(challenge.scheme().isEmpty());
        }
    }
}
