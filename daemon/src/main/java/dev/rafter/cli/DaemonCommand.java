package dev.rafter.cli;

import dev.rafter.Wiring;
import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParentCommand;

/** {@code rafter daemon}. */
@Command(
        name = "daemon",
        description = {
            "Run the daemon in the foreground, until SIGTERM or \"rafter stop\".",
            "It unmounts everything before it ends, and waits for mounts that are in use."
        })
final class DaemonCommand implements Callable<Integer> {
    @ParentCommand
    private Main main = new Main();

    @Override
    public Integer call() throws IOException {
        return new Wiring(main.options().config()).runDaemon();
    }
}
