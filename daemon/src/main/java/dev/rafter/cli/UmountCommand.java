package dev.rafter.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** {@code rafter umount}. */
@Command(name = "umount", description = "Unmount an image. What was fetched stays on disk for the next time.")
final class UmountCommand implements Callable<Integer> {
    @ParentCommand
    private Main main = new Main();

    @Parameters(paramLabel = "DIR", description = "Where it is mounted.")
    private Path directory = Path.of("");

    @Override
    public Integer call() throws IOException {
        DaemonProcess.running(main.options().config())
                .unmount(directory.toAbsolutePath().normalize().toString());
        return 0;
    }
}
