package dev.rafter.deploy.demo;

import dev.rafter.deploy.harness.Shell;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The image's program, run with the image as its root, in a mount namespace of its own. */
final class Program {
    private Program() {}

    /** Runs it; gives what it said. */
    static String run(Path root) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                "unshare",
                "--mount",
                "--propagation",
                "private",
                "sh",
                "-c",
                "mount -t proc proc \"$0/proc\" && exec chroot \"$0\" \"$@\"",
                root.toString()));
        command.addAll(MachineImage.command("an image"));
        return Shell.run(command.toArray(String[]::new)).strip();
    }
}
