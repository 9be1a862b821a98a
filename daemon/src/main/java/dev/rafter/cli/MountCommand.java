package dev.rafter.cli;

import dev.rafter.api.ApiClient;
import dev.rafter.api.MountRequest;
import dev.rafter.api.MountView;
import dev.rafter.config.Config;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code rafter mount}. */
@Command(
        name = "mount",
        description = {
            "Mount an image, fetching what is read when it is read.",
            "Asks the daemon, and starts one in the background if there is none."
        })
final class MountCommand implements Callable<Integer> {
    @ParentCommand
    private Main main = new Main();

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Parameters(paramLabel = "IMAGE", description = "Which image.")
    private String image = "";

    @Parameters(paramLabel = "DIR", description = "An empty directory; made if there is none.")
    private Path directory = Path.of("");

    @Option(
            names = "--platform",
            paramLabel = "OS/ARCH[/VARIANT]",
            description = "Which one of an image for several (this machine's).")
    private @Nullable String platform;

    @Option(
            names = "--fill",
            negatable = true,
            description = "Complete the image on disk while nobody waits for a read (as configured).")
    private @Nullable Boolean fill;

    @Override
    public Integer call() throws IOException {
        Config config = main.options().config();
        MountRequest request = new MountRequest(
                References.absolute(image),
                directory.toAbsolutePath().normalize().toString(),
                platform,
                fill,
                main.options().plainHttp(),
                main.options().caFiles(),
                main.options().credentials());
        ApiClient daemon = DaemonProcess.ensureRunning(config, main.options());
        MountView view = daemon.mount(request);
        spec.commandLine()
                .getOut()
                .println("mounted " + view.image() + " (" + view.digest() + ") at " + view.directory());
        return 0;
    }
}
