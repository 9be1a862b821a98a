package dev.rafter.mount;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.cli.CommandResult;
import dev.rafter.registry.auth.CredentialSource;
import dev.rafter.registry.auth.Credentials;
import dev.rafter.registry.embedded.Access;
import dev.rafter.registry.embedded.EmbeddedRegistry;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a person is told when a mount cannot be made: one line, what was tried, on what, and what to do. */
@Timeout(120)
class MountFailuresTest {
    private static TestNode node;

    @BeforeAll
    static void startNode() throws IOException {
        node = TestNode.create();
        node.must("start", "--log-level", "trace");
    }

    @AfterAll
    static void removeNode() throws IOException {
        if (node != null) {
            node.close();
        }
    }

    /** What a test has put in the way of others. */
    @AfterEach
    void cleanUp() throws IOException {
        for (String name : List.of("mnt", "file", "docker.json", "config.toml")) {
            Files.deleteIfExists(node.folder().resolve(name));
        }
    }

    private CommandResult mount(String image, String... options) {
        String[] all = new String[options.length + 3];
        all[0] = "mount";
        all[1] = image;
        all[2] = node.folder().resolve("mnt").toString();
        System.arraycopy(options, 0, all, 3, options.length);
        return node.rafter(all);
    }

    private static void assertFailed(int exitCode, CommandResult result, String... parts) {
        assertEquals(exitCode, result.exitCode(), result::toString);
        assertEquals(1, result.err().lines().count(), result.err());
        for (String part : parts) {
            assertTrue(result.err().contains(part), result.err());
        }
    }

    private static String fixture(String name) {
        return "oci:" + TestNode.FIXTURES.resolve(name) + ":fixture";
    }

    @Test
    void anUnknownImageIsTheRegistrysToSay() throws IOException {
        try (EmbeddedRegistry registry = EmbeddedRegistry.start(EmbeddedRegistry.Options.inMemory())) {
            assertFailed(4, mount(registry.host() + "/no/image:1"), registry.host() + "/no/image:1");
        }
    }

    @Test
    void credentialsMissingWrongAndRight() throws IOException {
        try (EmbeddedRegistry registry = EmbeddedRegistry.start(
                EmbeddedRegistry.Options.inMemory().withAccess(new Access.Basic("me", "secret")))) {
            String image = registry.host() + "/app:1";
            TestNode.push("rafs6-zstd", image, credentials("me", "secret"));
            assertFailed(4, mount(image, "--credentials", file("{}")), image, "login");
            CommandResult wrong = mount(image, "--credentials", file(login(registry.host(), "me", "wrong")));
            assertFailed(4, wrong, image);
            assertFalse(wrong.err().contains("wrong\""), wrong.err());
            CommandResult right = mount(image, "--credentials", file(login(registry.host(), "me", "secret")));
            assertEquals(0, right.exitCode(), right::toString);
            node.must("umount", node.folder().resolve("mnt").toString());
            String encoded = Base64.getEncoder().encodeToString("me:secret".getBytes(StandardCharsets.UTF_8));
            assertFalse(node.log().contains("secret") || node.log().contains(encoded), node.log());
            assertTrue(node.log().contains(image), "nothing was logged at all");
        }
    }

    private String file(String content) throws IOException {
        return Files.writeString(node.folder().resolve("docker.json"), content).toString();
    }

    private static String login(String host, String user, String password) {
        byte[] pair = (user + ":" + password).getBytes(StandardCharsets.UTF_8);
        return "{\"auths\":{\"" + host + "\":{\"auth\":\"" + Base64.getEncoder().encodeToString(pair) + "\"}}}";
    }

    private static CredentialSource credentials(String user, String password) {
        return new CredentialSource() {
            @Override
            public Credentials find(String host) {
                return new Credentials.Basic(user, password);
            }

            @Override
            public String describe() {
                return "the test";
            }
        };
    }

    @Test
    void aRegistryThatIsDownIsUnreachable() throws IOException {
        String host;
        try (EmbeddedRegistry registry = EmbeddedRegistry.start(EmbeddedRegistry.Options.inMemory())) {
            host = registry.host();
        }
        assertFailed(5, mount(host + "/app:1"), host);
    }

    @ParameterizedTest
    @CsvSource({
        "oci-gzip,a plain OCI image, rafter convert",
        "estargz,an eStargz image, rafter convert",
        "soci-v2,a SOCI index, rafter convert",
        "rafs5-zstd,a RAFS v5 image, rafter convert",
        "rafs6-encrypted,encrypted,convert",
        "rafs6-oci-ref,gzip layers, rafter convert"
    })
    void anImageThatIsNotRafsIsNamed(String name, String what, String advice) {
        assertFailed(3, mount(fixture(name)), what, advice);
    }

    @Test
    void theTargetMustBeFree() throws IOException {
        Path target = Files.createDirectories(node.folder().resolve("mnt"));
        Files.createFile(target.resolve("file"));
        assertFailed(2, mount(fixture("rafs6-zstd")), target + ": it is not empty");
        Files.delete(target.resolve("file"));
        node.must("mount", fixture("rafs6-zstd"), target.toString());
        assertFailed(2, mount(fixture("rafs6-zstd")), target + ": it is a mount point already");
        Path file = Files.createFile(node.folder().resolve("file"));
        assertFailed(2, node.rafter("mount", fixture("rafs6-zstd"), file.toString()), "is no directory");
        node.must("umount", target.toString());
        assertFailed(2, node.rafter("umount", target.toString()), "nothing is mounted at " + target);
    }

    @Test
    void whoKeepsAMountBusyIsNamed() throws IOException, InterruptedException {
        Path target = node.folder().resolve("mnt");
        node.must("mount", fixture("rafs6-zstd"), target.toString());
        Process user =
                new ProcessBuilder("sleep", "60").directory(target.toFile()).start();
        try {
            assertFailed(
                    1,
                    node.rafter("umount", target.toString()),
                    target + " is in use by process " + user.pid() + " (sleep)");
        } finally {
            user.destroyForcibly().waitFor();
        }
        node.must("umount", target.toString());
    }

    @Test
    void theCacheDirectoryMustBeWhereFilesCanBeGuarded() throws IOException {
        Path shm = Files.createTempDirectory(Path.of("/dev/shm"), "rafter");
        try {
            CommandResult result = CommandResult.of(
                    "mount",
                    fixture("rafs6-zstd"),
                    node.folder().resolve("mnt").toString(),
                    "--root",
                    shm.toString(),
                    "--run",
                    node.folder().resolve("other").toString());
            assertFailed(6, result, shm + " is on tmpfs", "ext4, xfs or btrfs");
        } finally {
            TestNode.delete(shm);
        }
    }

    @Test
    void withoutADaemonThereIsNothingToUnmount() {
        String nowhere = node.folder().resolve("nowhere").toString();
        assertFailed(1, CommandResult.of("umount", "/mnt", "--run", nowhere), "no daemon answers at " + nowhere);
        assertFailed(1, CommandResult.of("mounts", "--run", nowhere), "no daemon answers");
    }

    @Test
    void aWrongConfigurationIsSaidBeforeAnythingIsStarted() throws IOException {
        node.configure("[demand]\ntimeout = \"never\"\n");
        assertFailed(2, mount(fixture("rafs6-zstd")), "config.toml, line 2: demand.timeout must be a duration");
    }
}
