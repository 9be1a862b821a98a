package dev.rafter.cli;

import dev.rafter.failure.Failure;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Objects;
import java.util.Properties;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;

/**
 * The command {@code rafter}. Commands get it as their {@code @ParentCommand} and ask it for the configuration; they throw what went
 * wrong, and it is told and turned into an exit code here.
 */
@Command(
        name = "rafter",
        description =
                "Starts containers before their image has arrived: lazy container images through the kernel's own EROFS.",
        mixinStandardHelpOptions = true,
        scope = ScopeType.INHERIT,
        versionProvider = Main.Version.class,
        sortOptions = false,
        usageHelpAutoWidth = true,
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            StartCommand.class,
            RestartCommand.class,
            StopCommand.class,
            MountCommand.class,
            UmountCommand.class,
            MountsCommand.class,
            LsCommand.class,
            CatCommand.class,
            ExportCommand.class,
            InspectCommand.class,
            CheckCommand.class,
            ConvertCommand.class,
            ConfigCommand.class,
            DoctorCommand.class,
            DaemonCommand.class
        })
public final class Main implements Runnable {
    @Mixin
    private final GlobalOptions options = new GlobalOptions();

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec = CommandLine.Model.CommandSpec.create();

    public static void main(String[] args) {
        System.setProperty("java.util.logging.manager", LastingLogManager.class.getName());
        System.exit(run(args));
    }

    /** Runs one command line and returns its exit code. */
    public static int run(String... args) {
        Main main = new Main();
        CommandLine commandLine = new CommandLine(main);
        HelpPages.arrange(commandLine);
        return commandLine
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setUnmatchedOptionsArePositionalParams(false)
                .setExecutionStrategy(main::execute)
                .setParameterExceptionHandler((e, _) -> usage(e))
                .setExecutionExceptionHandler((e, command, _) -> main.failed(e, command))
                .execute(args);
    }

    public GlobalOptions options() {
        return options;
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "which command?");
    }

    private int execute(CommandLine.ParseResult parsed) {
        Logging.configure(options.logLevel(), options.debug());
        return new CommandLine.RunLast().execute(parsed);
    }

    private int failed(Exception e, CommandLine command) {
        Failure failure = Failure.of(e instanceof UncheckedIOException io ? Objects.requireNonNull(io.getCause()) : e);
        command.getErr().println("rafter: " + failure.message());
        if (options.debug()) {
            command.getErr().print(Logging.trace(e));
        }
        return failure.kind().exitCode();
    }

    private static int usage(ParameterException e) {
        CommandLine command = e.getCommandLine();
        command.getErr().println("rafter: " + e.getMessage());
        command.getErr().println("Try \"" + command.getCommandSpec().qualifiedName() + " --help\".");
        return command.getCommandSpec().exitCodeOnInvalidInput();
    }

    /** Reads the version that the build wrote. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() throws IOException {
            Properties properties = new Properties();
            try (InputStream in = Main.class.getResourceAsStream("version.properties")) {
                properties.load(Objects.requireNonNull(in, "version.properties"));
            }
            return new String[] {"rafter " + properties.getProperty("version")};
        }
    }
}
