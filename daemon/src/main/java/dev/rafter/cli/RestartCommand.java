package dev.rafter.cli;

import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParentCommand;

/** {@code rafter restart}. */
@Command(
        name = "restart",
        description = {
            "Start the daemon anew, as after an upgrade.",
            "Everything stays mounted; readers that need data wait until the new daemon is there."
        })
final class RestartCommand implements Callable<Integer> {
    @ParentCommand
    private Main main = new Main();

    @Override
    public Integer call() throws IOException {
        DaemonProcess.restart(main.options().config());
        return 0;
    }
}
