package dev.rafter.cli;

import dev.rafter.failure.Failure;
import dev.rafter.image.ConversionRehearsal;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.Objects;
import java.util.Optional;
import java.util.Properties;
import java.util.SequencedMap;
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
        synopsisSubcommandLabel = "COMMAND")
public final class Main implements Runnable {
    /** In the order in which they are listed. */
    static final SequencedMap<String, Class<?>> COMMANDS = commands();

    @Mixin
    private final GlobalOptions options = new GlobalOptions();

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec = CommandLine.Model.CommandSpec.create();

    public static void main(String[] args) {
        System.setProperty("java.util.logging.manager", LastingLogManager.class.getName());
        Optional<ConversionRehearsal> rehearsal =
                isConversion(args) ? Optional.of(ConversionRehearsal.start()) : Optional.empty();
        int exitCode = run(args);
        rehearsal.ifPresent(ConversionRehearsal::close);
        System.exit(exitCode);
    }

    private static boolean isConversion(String... args) {
        return args.length > 0 && COMMANDS.get(args[0]) == ConvertCommand.class;
    }

    private static SequencedMap<String, Class<?>> commands() {
        SequencedMap<String, Class<?>> commands = new LinkedHashMap<>();
        commands.put("start", StartCommand.class);
        commands.put("restart", RestartCommand.class);
        commands.put("stop", StopCommand.class);
        commands.put("mount", MountCommand.class);
        commands.put("umount", UmountCommand.class);
        commands.put("mounts", MountsCommand.class);
        commands.put("ls", LsCommand.class);
        commands.put("cat", CatCommand.class);
        commands.put("export", ExportCommand.class);
        commands.put("inspect", InspectCommand.class);
        commands.put("check", CheckCommand.class);
        commands.put("convert", ConvertCommand.class);
        commands.put("config", ConfigCommand.class);
        commands.put("doctor", DoctorCommand.class);
        commands.put("daemon", DaemonCommand.class);
        return commands;
    }

    /** Runs one command line and returns its exit code. */
    public static int run(String... args) {
        Main main = new Main();
        CommandLine commandLine = new CommandLine(main);
        addCommands(commandLine, args);
        HelpPages.arrange(commandLine);
        return commandLine
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setUnmatchedOptionsArePositionalParams(false)
                .setExecutionStrategy(main::execute)
                .setParameterExceptionHandler((e, _) -> usage(e))
                .setExecutionExceptionHandler((e, command, _) -> main.failed(e, command))
                .execute(args);
    }

    /** To read what all commands take is half of a short command's time: if the line begins with one, the others are left out. */
    private static void addCommands(CommandLine commandLine, String... args) {
        Class<?> only = args.length == 0 ? null : COMMANDS.get(args[0]);
        if (only != null) {
            commandLine.addSubcommand(args[0], only);
        } else {
            COMMANDS.forEach(commandLine::addSubcommand);
        }
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
        try {
            return new CommandLine.RunLast().execute(parsed);
        } catch (OutOfMemoryError e) {
            throw new IllegalStateException(e); // as an exception it is told, see failed
        }
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
