package dev.rafter.cli;

import dev.rafter.api.MountView;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code rafter mounts}. */
@Command(
        name = "mounts",
        description = {
            "List what the daemon has mounted, and how much of it is on disk.",
            "A line each, tabs between: directory, image, lazy or complete or failed, chunks that are on disk, and what went wrong last, if anything did."
        })
final class MountsCommand implements Callable<Integer> {
    @ParentCommand
    private Main main = new Main();

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() throws IOException {
        List<MountView> mounts = DaemonProcess.running(main.options().config()).mounts();
        PrintWriter out = spec.commandLine().getOut();
        for (MountView mount : mounts) {
            out.println(String.join("\t", mount.directory(), mount.image(), mount.state(), share(mount))
                    + (mount.problem().isEmpty() ? "" : "\t" + mount.problem()));
        }
        return 0;
    }

    private static String share(MountView mount) {
        long ready =
                mount.blobs().stream().mapToLong(MountView.Blob::readyChunks).sum();
        long all = mount.blobs().stream().mapToLong(MountView.Blob::chunks).sum();
        return ready + "/" + all + " chunks";
    }
}
