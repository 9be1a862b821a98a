package dev.rafter.cli;

import dev.rafter.Wiring;
import dev.rafter.build.BuildOptions;
import dev.rafter.build.ChunkDictionary;
import dev.rafter.codec.Codec;
import dev.rafter.digest.DigestAlgorithm;
import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import dev.rafter.image.ImageConverter;
import dev.rafter.image.ImageOpener;
import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Platform;
import dev.rafter.registry.ImageReference;
import dev.rafter.registry.ImageSource;
import dev.rafter.registry.ImageTarget;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code rafter convert}. */
@Command(
        name = "convert",
        description = {
            "Convert an image of tar layers to RAFS v6, which can be mounted lazily.",
            "The same image and options give the same digests."
        })
final class ConvertCommand implements Callable<Integer> {
    @ParentCommand
    private Main main = new Main();

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Parameters(index = "0", paramLabel = "SOURCE", description = "Which image.")
    private String sourceText = "";

    @Parameters(index = "1", paramLabel = "TARGET", description = "Where the result goes: a registry or oci:DIR[:TAG].")
    private String targetText = "";

    @Option(names = "--platform", paramLabel = "OS/ARCH[/VARIANT]", description = "Of several (all).")
    private @Nullable String platform;

    @Option(
            names = "--chunk-size",
            paramLabel = "BYTES",
            description = "A power of two from 4096 (or 0x1000) to 16 MiB (262144).",
            converter = ChunkSize.class)
    private int chunkSize = BuildOptions.DEFAULT_CHUNK_SIZE_BYTES;

    @Option(names = "--compressor", paramLabel = "zstd|lz4|none", description = "How chunks are stored (zstd).")
    private String compressor = "zstd";

    @Option(names = "--compression-level", paramLabel = "N", description = "Of zstd, 1 to 22 (${DEFAULT-VALUE}).")
    private int level = Codec.DEFAULT_ZSTD_LEVEL;

    @Option(names = "--digester", paramLabel = "sha256|blake3", description = "How chunks are digested (sha256).")
    private String digester = "sha256";

    @Option(
            names = "--chunk-dict",
            paramLabel = "IMAGE",
            description =
                    "A RAFS image whose chunks are referred to instead of stored again; may be given more than once.")
    private List<String> dictionaries = List.of();

    @Option(
            names = "--work",
            paramLabel = "DIR",
            description = "Where encoded layers are kept meanwhile (${DEFAULT-VALUE}).")
    private Path work = Path.of(System.getProperty("java.io.tmpdir"));

    @Override
    public Integer call() throws IOException {
        BuildOptions options = new BuildOptions(
                chunkSize,
                codec(),
                digestAlgorithm(),
                level,
                Runtime.getRuntime().availableProcessors());
        Wiring wiring = new Wiring(main.options().config());
        Progress progress = new Progress(spec.commandLine().getErr(), Progress.isTerminal());
        List<ImageSource> sources = new ArrayList<>();
        try (ImageSource source = wiring.source(ImageReference.parse(sourceText));
                ImageTarget target = wiring.images().target(ImageReference.parse(targetText))) {
            ChunkDictionary dictionary = dictionary(wiring, options, sources);
            Descriptor result = new ImageConverter(options, dictionary, sources, work, progress)
                    .convert(source, platform == null ? null : Platform.parse(platform), target);
            progress.end();
            spec.commandLine()
                    .getOut()
                    .println("converted " + source.describe() + " to " + target.describe() + " (" + result.digest()
                            + ")");
        } finally {
            sources.forEach(ImageSource::close);
        }
        return 0;
    }

    private Codec codec() {
        return switch (compressor) {
            case "zstd" -> Codec.ZSTD;
            case "lz4", "lz4_block" -> Codec.LZ4_BLOCK;
            case "none" -> Codec.NONE;
            default -> throw wrong("--compressor is one of zstd, lz4 and none, not \"" + compressor + "\"");
        };
    }

    private DigestAlgorithm digestAlgorithm() {
        return switch (digester) {
            case "sha256" -> DigestAlgorithm.SHA256;
            case "blake3" -> DigestAlgorithm.BLAKE3;
            default -> throw wrong("--digester is one of sha256 and blake3, not \"" + digester + "\"");
        };
    }

    private CommandLine.ParameterException wrong(String problem) {
        return new CommandLine.ParameterException(spec.commandLine(), problem);
    }

    private ChunkDictionary dictionary(Wiring wiring, BuildOptions options, List<ImageSource> sources)
            throws IOException {
        ChunkDictionary dictionary = new ChunkDictionary();
        for (String text : dictionaries) {
            ImageReference reference = ImageReference.parse(text);
            sources.add(wiring.source(reference));
            wiring.withImage(reference, Platform.current(), image -> {
                try {
                    dictionary.add(ImageOpener.bootstrap(image), options);
                } catch (IllegalArgumentException e) {
                    throw new FailureException(
                            FailureKind.USAGE, text + " cannot be a chunk dictionary here: " + e.getMessage(), e);
                }
                return dictionary;
            });
        }
        return dictionary;
    }

    /** Decimal, or hexadecimal with 0x as the reference tool writes it. */
    static final class ChunkSize implements CommandLine.ITypeConverter<Integer> {
        @Override
        public Integer convert(String text) {
            int size;
            try {
                size = Integer.decode(text);
            } catch (NumberFormatException _) {
                throw new CommandLine.TypeConversionException("\"" + text + "\" is no number of bytes");
            }
            if (size < 4096 || size > 16 << 20 || Integer.bitCount(size) != 1) {
                throw new CommandLine.TypeConversionException(text + " is not a power of two from 4096 to 16777216");
            }
            return size;
        }
    }
}
