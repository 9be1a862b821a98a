package dev.rafter.cli;

import dev.rafter.Wiring;
import dev.rafter.fdstore.FdStore;
import dev.rafter.fdstore.NotifyFdStore;
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
        FdStore store = NotifyFdStore.of(System.getenv());
        return new Wiring(main.options().config()).runDaemon(store);
    }
}
