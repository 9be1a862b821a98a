package dev.rafter.mount;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Finds out who uses a mount, as far as {@code /proc} tells. */
final class InUse {
    private static final int MAX_SHOWN = 5;

    private InUse() {}

    /** "process 12 (sh)" and the like, a few of them; "" if none is found. */
    static String by(Path directory) throws IOException {
        List<String> users = new ArrayList<>();
        try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (Path process : processes) {
                if (users.size() < MAX_SHOWN && uses(process, directory)) {
                    users.add("process " + process.getFileName() + name(process));
                }
            }
        }
        return String.join(", ", users);
    }

    /** Where, in this mount namespace, the filesystem at a directory is used by another mount: an overlay over it, or one more of its own. */
    static List<Path> above(Path directory) throws IOException {
        List<MountInfo> all = MountInfo.all();
        List<String> devices = all.stream()
                .filter(mount -> mount.directory().equals(directory))
                .map(MountInfo::device)
                .toList();
        return all.stream()
                .filter(mount -> !mount.directory().equals(directory))
                .filter(mount -> mount.isOverlayOf(directory) || devices.contains(mount.device()))
                .map(MountInfo::directory)
                .limit(MAX_SHOWN)
                .toList();
    }

    private static boolean uses(Path process, Path directory) {
        return pointsInto(process.resolve("cwd"), directory)
                || pointsInto(process.resolve("root"), directory)
                || pointsInto(process.resolve("exe"), directory)
                || hasOpen(process.resolve("fd"), directory);
    }

    private static boolean hasOpen(Path descriptors, Path directory) {
        try (DirectoryStream<Path> open = Files.newDirectoryStream(descriptors)) {
            for (Path descriptor : open) {
                if (pointsInto(descriptor, directory)) {
                    return true;
                }
            }
        } catch (IOException _) {
            return false; // the process ended meanwhile
        }
        return false;
    }

    private static boolean pointsInto(Path link, Path directory) {
        try {
            return Files.readSymbolicLink(link).startsWith(directory);
        } catch (IOException _) {
            return false; // the process ended meanwhile, or is a kernel thread
        }
    }

    private static String name(Path process) {
        try {
            return " (" + Files.readString(process.resolve("comm")).strip() + ")";
        } catch (IOException _) {
            return "";
        }
    }
}
