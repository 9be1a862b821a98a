package dev.rafter.registry;

import dev.rafter.oci.Reference;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where an image is, as people write it on the command line:
 *
 * <pre>
 *   HOST[:PORT]/NAME[:TAG][@DIGEST]     in a registry ({@link Reference}; Docker's short names too)
 *   oci:DIR[:TAG]                       in an OCI layout directory
 *   docker-archive:FILE[:TAG]           in a tar file that "docker save" wrote; TAG may be NAME:TAG
 *   erofs:FILE[,DEVICE...]              one EROFS or RAFS image file, with its devices
 * </pre>
 *
 * A path ends at the first ":" (or "," for erofs), so it cannot hold one.
 */
public sealed interface ImageReference {
    /** An image in a registry. */
    record Registry(Reference reference) implements ImageReference {
        @Override
        public String display() {
            return reference.toString();
        }
    }

    /** An image in an OCI layout directory; without a tag, the only one there. */
    record Layout(Path directory, @Nullable String tag) implements ImageReference {
        @Override
        public String display() {
            return "oci:" + directory + (tag == null ? "" : ":" + tag);
        }
    }

    /** An image in a tar file that "docker save" wrote; without a tag, the only one there. */
    record DockerArchive(Path file, @Nullable String tag) implements ImageReference {
        @Override
        public String display() {
            return "docker-archive:" + file + (tag == null ? "" : ":" + tag);
        }
    }

    /** One EROFS or RAFS image file. */
    record Erofs(Path file, List<Path> devices) implements ImageReference {
        public Erofs {
            devices = List.copyOf(devices);
        }

        @Override
        public String display() {
            StringBuilder text = new StringBuilder("erofs:").append(file);
            devices.forEach(device -> text.append(',').append(device));
            return text.toString();
        }
    }

    /** The form that {@link #parse} reads. */
    String display();

    /**
     * @throws IllegalArgumentException that says what is wrong with it
     */
    static ImageReference parse(String text) {
        int colon = text.indexOf(':');
        String rest = text.substring(colon + 1);
        return switch (colon < 0 ? "" : text.substring(0, colon)) {
            case "oci" -> {
                String[] parts = pathAndTag(text, rest);
                yield new Layout(path(text, parts[0]), parts.length == 2 ? parts[1] : null);
            }
            case "docker-archive" -> {
                String[] parts = pathAndTag(text, rest);
                yield new DockerArchive(path(text, parts[0]), parts.length == 2 ? parts[1] : null);
            }
            case "erofs" -> {
                List<Path> paths = new ArrayList<>();
                for (String part : rest.split(",", -1)) {
                    paths.add(path(text, part));
                }
                yield new Erofs(paths.getFirst(), paths.subList(1, paths.size()));
            }
            default -> new Registry(Reference.parse(text));
        };
    }

    private static String[] pathAndTag(String text, String rest) {
        String[] parts = rest.split(":", 2);
        if (parts.length == 2 && parts[1].isEmpty()) {
            throw new IllegalArgumentException("not an image reference: \"" + text + "\": the tag is empty");
        }
        return parts;
    }

    private static Path path(String text, String path) {
        if (path.isEmpty()) {
            throw new IllegalArgumentException("not an image reference: \"" + text + "\": the path is empty");
        }
        try {
            return Path.of(path);
        } catch (InvalidPathException e) {
            throw new IllegalArgumentException("not an image reference: \"" + text + "\": " + e.getReason(), e);
        }
    }
}
