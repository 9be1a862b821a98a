package dev.rafter.deploy.e2e;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.rafter.deploy.harness.DockerRegistry;
import dev.rafter.deploy.harness.Shell;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A registry for the images of one test class, below a folder of its own.
 *
 * @param folder for whatever the images are made of
 * @param docker the registry itself
 * @param images what makes and pushes small ones
 */
record TestRegistry(Path folder, DockerRegistry docker, BusyboxImages images) implements AutoCloseable {
    /** Starts one; skips the tests where containers cannot be run, or images not be made. */
    static TestRegistry start() throws IOException, InterruptedException {
        assumeTrue("root".equals(System.getProperty("user.name")), "containers need root");
        assumeTrue(
                BusyboxImages.canBeMade() && Shell.has("docker-registry"),
                "needs busybox, docker-registry, skopeo and umoci: ./rafter test installs them");
        Path folder = Files.createTempDirectory(Files.createDirectories(SnapshotterNode.WORK), "images");
        DockerRegistry docker = DockerRegistry.start(folder.resolve("registry"));
        return new TestRegistry(folder, docker, new BusyboxImages(folder.resolve("images"), docker.host()));
    }

    @Override
    public void close() throws IOException {
        docker.close();
        Shell.deleteTree(folder);
    }
}
