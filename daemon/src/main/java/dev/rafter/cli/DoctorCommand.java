package dev.rafter.cli;

import dev.rafter.doctor.Doctor;
import dev.rafter.doctor.Finding;
import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code rafter doctor}. */
@Command(
        name = "doctor",
        description = {
            "Say whether images can be mounted lazily on this node, and if not, what to do about it.",
            "Tries what a mount does, with small files of its own in the cache directory, and leaves nothing behind.",
            "Exit code 0 if lazy mounts work, else 6."
        })
final class DoctorCommand implements Callable<Integer> {
    @ParentCommand
    private Main main = new Main();

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() throws IOException {
        Path root = main.options().config().root();
        List<Finding> findings = Doctor.examine(root);
        PrintWriter out = spec.commandLine().getOut();
        findings.forEach(finding -> out.printf("%-8s %-16s %s%n", word(finding), finding.subject(), finding.text()));
        out.flush();
        List<String> unfit = findings.stream()
                .filter(finding -> finding.verdict() == Finding.Verdict.FAILED)
                .map(Finding::subject)
                .toList();
        if (!unfit.isEmpty()) {
            throw new FailureException(
                    FailureKind.NODE, "images cannot be mounted lazily here: " + String.join(", ", unfit) + " failed");
        }
        out.println("images can be mounted lazily here");
        return 0;
    }

    private static String word(Finding finding) {
        return switch (finding.verdict()) {
            case OK -> "ok";
            case WARNING -> "warning";
            case FAILED -> "FAILED";
            case UNTRIED -> "-";
        };
    }
}
