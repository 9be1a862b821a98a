package dev.rafter.cli;

import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Help;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.UsageMessageSpec;

/**
 * How the help of single commands is laid out: first what a command itself takes, then what every command takes; how images are named where
 * it takes one; the rest is in the help of {@code rafter} alone.
 */
final class HelpPages {
    private static final List<String> IMAGES = List.of(
            "",
            "Images are named by",
            "  HOST[:PORT]/NAME[:TAG][@DIGEST]   in a registry (Docker's short names too)",
            "  oci:DIR[:TAG]                     in an OCI layout directory",
            "  docker-archive:FILE[:TAG]         in what \"docker save\" wrote",
            "  erofs:FILE[,DEVICE...]            an EROFS or RAFS image file with its devices");

    private static final List<String> REST = List.of(
            "",
            "In its source tree \"./rafter\" has more: demo, bench NAME, test, build.",
            "",
            "Exit codes, by who can act:",
            "  0  done",
            "  1  failed for another reason",
            "  2  the command or the configuration is wrong",
            "  3  the image is bad, or of a kind that cannot be used so",
            "  4  the registry refuses: unknown image, credentials missing or wrong",
            "  5  the registry cannot be reached",
            "  6  the node lacks something: kernel, space or privilege");

    private HelpPages() {}

    static void arrange(CommandLine main) {
        CommandSpec general = main.getCommandSpec();
        general.usageMessage()
                .footer(Stream.concat(IMAGES.stream(), REST.stream()).toArray(String[]::new));
        for (CommandLine command : main.getSubcommands().values()) {
            CommandSpec spec = command.getCommandSpec();
            spec.usageMessage().abbreviateSynopsis(true);
            if (takesImage(spec)) {
                spec.usageMessage().footer(IMAGES.toArray(String[]::new));
            }
            command.getHelpSectionMap().put(UsageMessageSpec.SECTION_KEY_OPTION_LIST, help -> options(help, general));
        }
    }

    private static boolean takesImage(CommandSpec spec) {
        return spec.positionalParameters().stream()
                .map(ArgSpec::paramLabel)
                .anyMatch(label -> label.equals("IMAGE") || label.equals("SOURCE"));
    }

    private static String options(Help help, CommandSpec general) {
        Predicate<OptionSpec> ofEvery = option -> general.findOption(option.longestName()) != null;
        return list(help, ofEvery.negate()) + "Options of every command:\n" + list(help, ofEvery);
    }

    private static String list(Help help, Predicate<OptionSpec> which) {
        List<OptionSpec> options =
                help.commandSpec().options().stream().filter(which).toList();
        Help.Layout layout = help.createDefaultLayout();
        layout.addOptions(options, help.parameterLabelRenderer());
        return layout.toString();
    }
}
