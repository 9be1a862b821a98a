package dev.rafter.cli;

import dev.rafter.config.Config;
import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParentCommand;

/** {@code rafter stop}. */
@Command(
        name = "stop",
        description = {
            "Unmount everything and end the daemon.",
            "What is in use stays mounted, and then the daemon goes on; exit code 1."
        })
final class StopCommand implements Callable<Integer> {
    @ParentCommand
    private Main main = new Main();

    @Override
    public Integer call() throws IOException {
        Config config = main.options().config();
        DaemonProcess.stop(config);
        return 0;
    }
}
