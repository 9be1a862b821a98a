package dev.rafter.cli;

import dev.rafter.registry.ImageReference;

/** References as people type them. */
final class References {
    private References() {}

    /** The reference with absolute paths, for a process that works elsewhere. */
    static String absolute(String text) {
        ImageReference reference = switch (ImageReference.parse(text)) {
            case ImageReference.Layout layout ->
                new ImageReference.Layout(layout.directory().toAbsolutePath().normalize(), layout.tag());
            case ImageReference.DockerArchive archive ->
                new ImageReference.DockerArchive(archive.file().toAbsolutePath().normalize(), archive.tag());
            case ImageReference.Erofs erofs ->
                new ImageReference.Erofs(
                        erofs.file().toAbsolutePath().normalize(),
                        erofs.devices().stream()
                                .map(device -> device.toAbsolutePath().normalize())
                                .toList());
            case ImageReference.Registry registry -> registry;
        };
        return reference.display();
    }
}
