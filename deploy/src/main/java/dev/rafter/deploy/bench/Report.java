package dev.rafter.deploy.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** The JSON file of a benchmark: the machine, then every figure that was measured. */
final class Report {
    private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    private final String benchmark;
    private final Map<String, Object> figures = new LinkedHashMap<>();

    Report(String benchmark) throws IOException {
        this.benchmark = benchmark;
        figures.put("benchmark", benchmark);
        figures.put("machine", Machine.describe());
    }

    void put(String name, Object value) {
        figures.put(name, value);
    }

    Path write(Path folder) throws IOException {
        Files.createDirectories(folder);
        Path file = folder.resolve(benchmark + ".json");
        JSON.writeValue(file.toFile(), figures);
        return file;
    }
}
