package dev.rafter.testkit;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Assertions;

/**
 * An EROFS image mounted by the kernel straight from its file, until closed. Needs root.
 *
 * <p>The command mount would put loop devices in between. Over several of those Linux (6.18 at least) mixes data up: when a file goes on in another device at
 * the very next sector, one request to the first device reads both.
 */
public final class MountedImage implements AutoCloseable {
    private static final long READ_ONLY_NO_SUID_NO_DEV = 1 | 2 | 4;

    private static final Linker LINKER = Linker.nativeLinker();
    private static final StructLayout CALL_STATE = Linker.Option.captureStateLayout();
    private static final VarHandle ERRNO = CALL_STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));
    private static final MethodHandle MOUNT = LINKER.downcallHandle(
            LINKER.defaultLookup().findOrThrow("mount"),
            FunctionDescriptor.of(
                    ValueLayout.JAVA_INT,
                    ValueLayout.ADDRESS,
                    ValueLayout.ADDRESS,
                    ValueLayout.ADDRESS,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.ADDRESS),
            Linker.Option.captureCallState("errno"));

    private final Path directory;

    /** Mounts an image with its devices. */
    public MountedImage(Path image, List<Path> devices) throws IOException {
        Commands.assumeRoot();
        Commands.assumePresent("umount");
        directory = Files.createTempDirectory("erofs-mount");
        String options = String.join(
                ",", devices.stream().map(device -> "device=" + device).toList());
        int errno = mount(image.toString(), directory.toString(), options);
        if (errno != 0) {
            Files.delete(directory);
            Assertions.fail("mount of " + image + " with " + options + ": errno " + errno);
        }
    }

    private static int mount(String image, String target, String options) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(CALL_STATE);
            int result = (int) MOUNT.invokeExact(
                    state,
                    arena.allocateFrom(image),
                    arena.allocateFrom(target),
                    arena.allocateFrom("erofs"),
                    READ_ONLY_NO_SUID_NO_DEV,
                    arena.allocateFrom(options));
            return result == 0 ? 0 : (int) ERRNO.get(state, 0L);
        } catch (Throwable e) {
            throw new AssertionError("mount can not be called", e);
        }
    }

    public Path directory() {
        return directory;
    }

    @Override
    public void close() throws IOException {
        if (Commands.tryRun(List.of("umount", directory.toString())).status() != 0) {
            Commands.run("umount", "--lazy", directory.toString());
        }
        Files.delete(directory);
    }
}
