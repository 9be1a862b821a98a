package dev.rafter.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.rafter.cli.CommandResult;
import dev.rafter.format.FileType;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a converted image keeps of the original, and what is said when the disk is full. */
@Timeout(60)
class ImageConverterTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    private Path directory = Path.of("");

    private JsonNode document(JsonNode descriptor) throws IOException {
        return JSON.readTree(directory
                .resolve("converted/blobs")
                .resolve(descriptor.path("digest").asText().replace(':', '/'))
                .toFile());
    }

    private JsonNode config() throws IOException {
        JsonNode index = JSON.readTree(directory.resolve("converted/index.json").toFile());
        return document(document(index.path("manifests").path(0)).path("config"));
    }

    private CommandResult convert(Path target, String... options) {
        List<String> command = new ArrayList<>(
                List.of("convert", "docker-archive:" + directory.resolve("image.tar"), "oci:" + target));
        command.addAll(List.of(options));
        return CommandResult.of(command.toArray(String[]::new));
    }

    private static byte[] file(String contents) throws IOException {
        return TestArchive.layer(tar -> TestArchive.file(tar, "file", contents.getBytes(StandardCharsets.UTF_8)));
    }

    @Test
    void theHistoryStaysAndEachLayerHasItsStep() throws IOException {
        byte[] empty = TestArchive.layer(tar -> tar.put(TestArchive.entry("d", FileType.DIRECTORY, 0755, 0, "")));
        String history = """
                "history":[{"created":"2020-01-01T00:00:00Z","created_by":"FROM","author":"a"},
                {"created_by":"ENV A=1","empty_layer":true},{"created_by":"mkdir d"},
                {"created_by":"COPY file","comment":"c"}],
                """;
        TestArchive.write(directory.resolve("image.tar"), history, List.of(file("one"), empty, file("two")));
        CommandResult result = convert(directory.resolve("converted"));
        assertEquals(0, result.exitCode(), result.err());
        JsonNode config = config();
        List<String> steps = new ArrayList<>();
        config.path("history")
                .forEach(step -> steps.add(step.path("created_by").asText()
                        + (step.path("empty_layer").asBoolean() ? " -" : "")));
        assertEquals(List.of("FROM", "ENV A=1 -", "mkdir d -", "COPY file", "rafter convert"), steps);
        assertEquals("a", config.path("history").path(0).path("author").asText());
        assertEquals("c", config.path("history").path(3).path("comment").asText());
        assertEquals(3, config.path("rootfs").path("diff_ids").size());
    }

    @Test
    void aHistoryOfOtherLayersStaysWithoutAny() throws IOException {
        String history = """
                "history":[{"created_by":"FROM"},{"created_by":"squashed"}],
                """;
        TestArchive.write(directory.resolve("image.tar"), history, List.of(file("one")));
        assertEquals(0, convert(directory.resolve("converted")).exitCode());
        List<String> steps = new ArrayList<>();
        config().path("history")
                .forEach(step -> steps.add(step.path("created_by").asText()
                        + (step.path("empty_layer").asBoolean() ? " -" : "")));
        assertEquals(List.of("FROM -", "squashed -", "rafter convert", "rafter convert"), steps);
    }

    @Test
    void allFieldsOfTheConfigurationStay() throws IOException {
        String fields = """
                "created":"2020-02-03T04:05:06.000000007Z","author":"somebody","os.version":"1",
                "config":{"Env":["A=b"],"Healthcheck":{"Test":["CMD","true"]},"StopSignal":"SIGUSR1","Volumes":{"/v":{}}},
                "x.unknown":{"deep":[1,2]},
                """;
        TestArchive.write(directory.resolve("image.tar"), fields, List.of(file("one")));
        assertEquals(0, convert(directory.resolve("converted")).exitCode());
        JsonNode expected = JSON.readTree("{" + fields.strip().replaceAll(",$", "") + "}");
        for (String field : List.of("created", "author", "os.version", "config", "x.unknown")) {
            assertEquals(expected.get(field), config().get(field), field);
        }
    }

    @Test
    void aFullDiskIsSaidWithWhatToDo() throws Exception {
        Assumptions.assumeTrue("root".equals(System.getProperty("user.name")), "mounting needs root");
        byte[] noise = new byte[4 << 20];
        new Random(1).nextBytes(noise);
        TestArchive.write(
                directory.resolve("image.tar"),
                "",
                List.of(TestArchive.layer(tar -> TestArchive.file(tar, "noise", noise))));
        Path small = Files.createDirectory(directory.resolve("small"));
        run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small.toString());
        try {
            CommandResult work = convert(directory.resolve("converted"), "--work", small.toString());
            assertEquals(6, work.exitCode(), work.err());
            assertTrue(
                    work.err().contains("no space left in " + small)
                            && work.err().contains("--work"),
                    work.err());
            try (var left = Files.list(small)) {
                assertEquals(List.of(), left.toList());
            }
            CommandResult target = convert(small.resolve("converted"), "--work", directory.toString());
            assertEquals(6, target.exitCode(), target.err());
            assertTrue(target.err().contains("no space left for oci:" + small), target.err());
        } finally {
            run("umount", small.toString());
        }
    }

    private static void run(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), out);
    }
}
