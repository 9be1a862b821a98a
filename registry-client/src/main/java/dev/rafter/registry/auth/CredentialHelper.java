package dev.rafter.registry.auth;

import com.fasterxml.jackson.databind.JsonNode;
import dev.rafter.oci.Json;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Pattern;

/**
 * Docker's credential helpers: programs named {@code docker-credential-NAME} that read a registry on standard input and print
 * {@code {"Username":…,"Secret":…}}. They run with a bound on time and output, since a helper may ask a server, or a person.
 */
final class CredentialHelper {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]*");
    private static final int MAX_OUTPUT_BYTES = 1 << 20;
    private static final String NOT_FOUND = "credentials not found";

    private final Duration timeout;
    private final List<Path> path;

    CredentialHelper() {
        this(Duration.ofSeconds(10), System.getenv().getOrDefault("PATH", "/usr/local/bin:/usr/bin:/bin"));
    }

    /**
     * @param path where programs are looked for, as in PATH
     */
    CredentialHelper(Duration timeout, String path) {
        this.timeout = timeout;
        this.path = Pattern.compile(File.pathSeparator, Pattern.LITERAL)
                .splitAsStream(path)
                .filter(part -> !part.isEmpty())
                .map(Path::of)
                .toList();
    }

    Credentials get(String name, String server) throws IOException {
        if (!NAME.matcher(name).matches()) {
            throw new IOException("not the name of a credential helper: \"" + name + "\"");
        }
        String program = "docker-credential-" + name;
        Process process = new ProcessBuilder(find(program), "get")
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        try {
            String output = run(process, program, server);
            if (process.exitValue() != 0) {
                if (output.contains(NOT_FOUND)) {
                    return new Credentials.Anonymous();
                }
                // What a failing helper prints is a message for people, not a secret.
                throw new IOException(program + " failed for " + server + ": " + firstLine(output));
            }
            return credentials(Json.tree(output.getBytes(StandardCharsets.UTF_8), "the answer of " + program));
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
    }

    private String find(String program) throws IOException {
        for (Path directory : path) {
            if (Files.isExecutable(directory.resolve(program))) {
                return directory.resolve(program).toString();
            }
        }
        throw new IOException(
                "the credential helper " + program + ", which Docker's configuration names, is not installed");
    }

    private String run(Process process, String program, String server) throws IOException {
        FutureTask<String> answer = new FutureTask<>(() -> {
            writeServer(process, server);
            try (InputStream out = process.getInputStream()) {
                return new String(out.readNBytes(MAX_OUTPUT_BYTES), StandardCharsets.UTF_8);
            }
        });
        Thread.ofVirtual().name(program).start(answer);
        try {
            String output = answer.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
            if (!process.waitFor(timeout)) {
                throw new TimeoutException();
            }
            return output;
        } catch (TimeoutException e) {
            throw new IOException(program + " did not answer within " + timeout.toMillis() + " ms", e);
        } catch (ExecutionException e) {
            throw new IOException(program + " cannot be used: " + e.getCause(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            InterruptedIOException interrupted = new InterruptedIOException("interrupted while waiting for " + program);
            interrupted.initCause(e);
            throw interrupted;
        }
    }

    /** A helper that answers without having read the question has answered: what it says is what counts. */
    private static void writeServer(Process process, String server) {
        try (OutputStream in = process.getOutputStream()) {
            in.write((server + "\n").getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            // it reads no further
        }
    }

    private static Credentials credentials(JsonNode answer) {
        String user = answer.path("Username").asText("");
        String secret = answer.path("Secret").asText("");
        if (secret.isEmpty()) {
            return new Credentials.Anonymous();
        }
        return user.equals("<token>") || user.isEmpty()
                ? new Credentials.IdentityToken(secret)
                : new Credentials.Basic(user, secret);
    }

    private static String firstLine(String output) {
        return output.lines().findFirst().orElse("it said nothing");
    }
}
