package dev.rafter.snapshotter;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static java.nio.file.LinkOption.NOFOLLOW_LINKS;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SecureDirectoryStream;
import java.nio.file.attribute.BasicFileAttributeView;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Deletes a folder with all that is in it, however deep: containers can make files whose paths are longer than any call takes. So every
 * call is made relative to an open folder, and of those there are few at a time: what is deeper is moved up into the topmost one, and
 * deleted from there. Follows no symbolic link, and touches nothing that is mounted in the folder. What cannot be deleted does not keep
 * the rest.
 */
final class TreeDeletion {
    /** Each open folder takes two descriptors. */
    private static final int MAX_DEPTH = 32;

    private static final Path MOUNTS = Path.of("/proc/self/mountinfo");
    private static final int MOUNT_POINT_FIELD = 4;

    private final SecureDirectoryStream<Path> top;
    private final String device;
    private final Steps steps;
    private boolean progress;
    private @Nullable IOException failure;

    private TreeDeletion(SecureDirectoryStream<Path> top, String device, Steps steps) {
        this.top = top;
        this.device = device;
        this.steps = steps;
    }

    /**
     * Deletes a folder, if it is there.
     *
     * @throws IOException if something in it could not be deleted, or is a mount point
     */
    static void delete(Path folder, Steps steps) throws IOException {
        if (!Files.isDirectory(folder, NOFOLLOW_LINKS)) {
            return;
        }
        refuseMounts(folder.toRealPath());
        Path parent = Objects.requireNonNull(folder.toAbsolutePath().getParent());
        try (DirectoryStream<Path> opened = Files.newDirectoryStream(parent)) {
            if (!(opened instanceof SecureDirectoryStream<Path> secure)) {
                throw new IOException(parent + " cannot be opened to delete in it");
            }
            while (!deleteOnce(secure, folder.getFileName(), steps)) {
                // What was moved up is deleted the next time round.
            }
        }
    }

    /** The device alone does not tell of a folder of the same filesystem that is mounted a second time. */
    private static void refuseMounts(Path folder) throws IOException {
        String below = folder.toString().replace("\\", "\\134").replace(" ", "\\040") + "/";
        try (Stream<String> lines = Files.lines(MOUNTS, ISO_8859_1)) {
            String encoded = new String(below.getBytes(UTF_8), ISO_8859_1);
            var found = lines.map(line -> line.split(" ", MOUNT_POINT_FIELD + 2)[MOUNT_POINT_FIELD])
                    .filter(point -> point.startsWith(encoded))
                    .findFirst();
            if (found.isPresent()) {
                throw new IOException(found.get() + " is a mount point");
            }
        }
    }

    /** False if more has to be done. */
    private static boolean deleteOnce(SecureDirectoryStream<Path> parent, Path name, Steps steps) throws IOException {
        try (SecureDirectoryStream<Path> top = parent.newDirectoryStream(name, NOFOLLOW_LINKS)) {
            String device = device(
                    top.getFileAttributeView(BasicFileAttributeView.class).readAttributes());
            TreeDeletion deletion = new TreeDeletion(top, device, steps);
            deletion.empty(top, 0);
            if (!deletion.progress && deletion.failure != null) {
                throw deletion.failure;
            }
        }
        try {
            parent.deleteDirectory(name);
            return true;
        } catch (DirectoryNotEmptyException _) {
            return false;
        }
    }

    private void empty(SecureDirectoryStream<Path> folder, int depth) throws IOException {
        try {
            for (Path entry : folder) {
                tryDelete(folder, entry.getFileName(), depth);
            }
        } catch (DirectoryIteratorException e) {
            throw e.getCause();
        }
    }

    private void tryDelete(SecureDirectoryStream<Path> folder, Path name, int depth) {
        try {
            delete(folder, name, depth);
        } catch (NoSuchFileException | DirectoryNotEmptyException _) {
            // Somebody else was faster.
        } catch (IOException e) {
            failure = failure == null ? e : failure;
        }
    }

    private void delete(SecureDirectoryStream<Path> folder, Path name, int depth) throws IOException {
        BasicFileAttributes found = folder.getFileAttributeView(name, BasicFileAttributeView.class, NOFOLLOW_LINKS)
                .readAttributes();
        if (!found.isDirectory()) {
            folder.deleteFile(name);
            progress = true;
        } else if (!device(found).equals(device)) {
            throw new FileSystemException(name.toString(), null, "is a mount point");
        } else if (depth < MAX_DEPTH) {
            try (SecureDirectoryStream<Path> child = folder.newDirectoryStream(name, NOFOLLOW_LINKS)) {
                empty(child, depth + 1);
            }
            deleteEmptied(folder, name);
        } else {
            deleteOrMoveUp(folder, name, inode(found));
        }
    }

    private void deleteEmptied(SecureDirectoryStream<Path> folder, Path name) throws IOException {
        folder.deleteDirectory(name);
        progress = true;
        steps.after("folder emptied");
    }

    private void deleteOrMoveUp(SecureDirectoryStream<Path> folder, Path name, String inode) throws IOException {
        try {
            deleteEmptied(folder, name);
        } catch (DirectoryNotEmptyException _) {
            // Unique as long as it is there, whoever has moved it.
            folder.move(name, top, Path.of("deeper-" + inode));
            progress = true;
        }
    }

    /** Java tells it only within the key of a file, "(dev=fd01,ino=2)". */
    private static String device(BasicFileAttributes attributes) {
        String key = String.valueOf(attributes.fileKey());
        return key.substring(0, Math.max(0, key.indexOf(',')));
    }

    private static String inode(BasicFileAttributes attributes) {
        String key = String.valueOf(attributes.fileKey());
        return key.substring(key.lastIndexOf('=') + 1, key.length() - 1);
    }
}
