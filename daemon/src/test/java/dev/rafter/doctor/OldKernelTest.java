package dev.rafter.doctor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Linux 6.12 in a virtual machine: it has no pre-content events. What lacks is said in the same words by the doctor and by a mount. */
@Timeout(540)
class OldKernelTest {
    private static final Path SHARED = Path.of(System.getProperty("rafter.shared"));
    private static final Path BOOT = SHARED.resolve("fscache-kernel/boot");
    private static final Path IMAGE = SHARED.resolve("fixtures/rafs6-zstd");
    private static final String MISSING =
            "EINVAL (invalid argument): this kernel has no pre-content events: Linux 6.14 or newer is needed";

    @Test
    void whatTheKernelLacksIsSaid() throws IOException, InterruptedException {
        assumeTrue(Files.isExecutable(BOOT), "needs " + BOOT);
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/qemu-system-x86_64")), "needs qemu-system-x86");
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/cpio")), "needs cpio");
        assumeTrue(Files.isDirectory(IMAGE), "needs " + IMAGE);
        String rafter = Path.of(System.getProperty("java.home"), "bin", "java")
                + " -XX:+UseSerialGC -XX:TieredStopAtLevel=1 --enable-native-access=ALL-UNNAMED -cp "
                + System.getProperty("java.class.path") + " dev.rafter.cli.Main";
        String where = " --root /cache/rafter --run /run/rafter";
        // Nothing is quick in there: the daemon is started by hand, and waited for as long as the machine runs.
        String script = rafter + " doctor" + where + "; echo doctor ended with $?; "
                + rafter + " daemon" + where + " & until [ -S /run/rafter/rafter.sock ]; do sleep 1; done; "
                + rafter + " mount oci:" + IMAGE + ":fixture /run/mnt" + where + "; echo mount ended with $?; "
                + rafter + " stop" + where + "; echo stop ended with $?";
        String output = boot("bash", "-c", script);
        assertTrue(output.contains("FAILED   fanotify mark    fanotify_mark(FAN_PRE_ACCESS) on /cache/"), output);
        assertTrue(output.contains("doctor ended with 6"), output);
        assertTrue(output.contains("mount ended with 6"), output);
        assertTrue(output.contains("stop ended with 0"), output);
        assertEquals(
                2,
                output.lines()
                        .filter(line -> line.startsWith("FAILED") || line.startsWith("rafter: "))
                        .filter(line -> line.contains(MISSING))
                        .count(),
                output);
    }

    /** Runs a command in the virtual machine, which ends by itself. */
    private static String boot(String... command) throws IOException, InterruptedException {
        List<String> all = new ArrayList<>(List.of(BOOT.toString(), "-t", "480", "--"));
        all.addAll(List.of(command));
        Process process = new ProcessBuilder(all).redirectErrorStream(true).start();
        try {
            process.getOutputStream().close();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            process.waitFor();
            return output;
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
    }
}
