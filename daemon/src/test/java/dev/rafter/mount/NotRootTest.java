package dev.rafter.mount;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.cli.CommandResult;
import dev.rafter.cli.Main;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The command line as another user than root, and as a root without the capability that mounting needs. */
@Timeout(180)
class NotRootTest {
    private static final String IMAGE = "oci:" + TestNode.FIXTURES.resolve("rafs6-zstd") + ":fixture";
    /** A user of his own who, so that he finds this program, may read all files. */
    private static final List<String> NOBODY = List.of(
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "--inh-caps=+dac_read_search",
            "--ambient-caps=+dac_read_search",
            "--bounding-set=-all,+dac_read_search");

    private static final List<String> ROOT_WITHOUT_ADMIN = List.of("setpriv", "--bounding-set=-sys_admin");

    private TestNode node;

    @BeforeEach
    void create() throws IOException {
        node = TestNode.create();
        Files.setPosixFilePermissions(node.folder(), PosixFilePermissions.fromString("rwxrwxrwx"));
    }

    @AfterEach
    void remove() throws IOException {
        if (node != null) {
            node.close();
        }
    }

    private CommandResult as(List<String> who, String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(who);
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "--enable-native-access=ALL-UNNAMED"));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
        command.addAll(List.of(arguments));
        command.addAll(
                List.of("--root", node.root().toString(), "--run", node.run().toString()));
        Path out = Files.createTempFile(node.folder(), "out", "");
        Path err = Files.createTempFile(node.folder(), "err", "");
        int exitCode = new ProcessBuilder(command)
                .redirectOutput(out.toFile())
                .redirectError(err.toFile())
                .start()
                .waitFor();
        return new CommandResult(
                exitCode, Files.readString(out, StandardCharsets.UTF_8), Files.readString(err, StandardCharsets.UTF_8));
    }

    private String target() {
        return node.folder().resolve("mnt").toString();
    }

    private static void assertLacks(CommandResult result, String... parts) {
        assertEquals(6, result.exitCode(), result::toString);
        assertEquals(1, result.err().lines().count(), result.err());
        for (String part : parts) {
            assertTrue(result.err().contains(part), result.err());
        }
    }

    @Test
    void withoutPrivilegeNothingIsMounted() throws Exception {
        CommandResult mount = as(NOBODY, "mount", IMAGE, target());
        assertLacks(mount, "EPERM", "root (CAP_SYS_ADMIN)");
        assertEquals(0, as(NOBODY, "stop").exitCode());
    }

    @Test
    void aRootWithoutTheCapabilityIsNoRoot() throws Exception {
        CommandResult mount = as(ROOT_WITHOUT_ADMIN, "mount", IMAGE, target());
        assertLacks(mount, "EPERM", "root (CAP_SYS_ADMIN)");
        CommandResult doctor = as(ROOT_WITHOUT_ADMIN, "doctor");
        assertLacks(doctor, "privilege, fanotify group, EROFS mount failed");
        assertTrue(doctor.out().contains("user 0 without CAP_SYS_ADMIN"), doctor.out());
        assertEquals(0, as(ROOT_WITHOUT_ADMIN, "stop").exitCode());
    }

    /** The daemon of root is nobody's to command, nor is there a second one at its place. */
    @Test
    void theDaemonOfRootIsForRootAlone() throws Exception {
        node.must("start");
        for (List<String> command : List.of(
                List.of("mounts"), List.of("umount", target()), List.of("mount", IMAGE, target()), List.of("stop"))) {
            CommandResult result = as(NOBODY, command.toArray(String[]::new));
            assertLacks(result, node.run().toString(), "as root");
        }
        assertEquals(0, node.rafter("mounts").exitCode());
    }
}
