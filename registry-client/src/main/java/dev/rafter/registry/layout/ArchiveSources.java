package dev.rafter.registry.layout;

import dev.rafter.registry.ImageReference;
import dev.rafter.registry.ImageSource;
import java.io.IOException;
import java.nio.file.Files;

/** Tells the two forms of image archives apart. */
public final class ArchiveSources {
    private ArchiveSources() {}

    /**
     * @throws IOException if there is no such file, or it is no archive of images
     */
    public static ImageSource open(ImageReference.DockerArchive reference) throws IOException {
        if (!Files.isRegularFile(reference.file())) {
            throw LayoutSource.missing(reference.display() + ": there is no file " + reference.file());
        }
        TarFiles files = TarFiles.open(reference.file(), reference.display());
        if (files.size("oci-layout").isPresent() && files.size("index.json").isPresent()) {
            return new LayoutSource(files, reference.tag());
        }
        return DockerArchiveSource.open(files, reference.tag());
    }
}
