package dev.rafter.cli;

import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParentCommand;

/** {@code rafter start}. */
@Command(name = "start", description = "Start the daemon in the background, if there is none.")
final class StartCommand implements Callable<Integer> {
    @ParentCommand
    private Main main = new Main();

    @Override
    public Integer call() throws IOException {
        DaemonProcess.ensureRunning(main.options().config(), main.options());
        return 0;
    }
}
