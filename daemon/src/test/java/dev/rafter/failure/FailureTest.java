package dev.rafter.failure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.linux.Errno;
import dev.rafter.linux.KernelException;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FailureTest {
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            1  | 6 | root (CAP_SYS_ADMIN)
            13 | 6 | permissions
            28 | 6 | make room
            122| 6 | quota
            24 | 6 | limit of open files
            23 | 6 | fs.file-max
            12 | 6 | memory
            19 | 6 | kernel is too old
            38 | 6 | kernel is too old
            95 | 6 | kernel is too old
            22 | 6 | EINVAL
            30 | 6 | can be written
            5  | 6 | dmesg
            117| 3 | EUCLEAN
            2  | 1 | no such file
            16 | 1 | in use
            """)
    void whatTheKernelRefusesIsTheNodesWithWhatToDo(int errno, int exitCode, String part) {
        Failure failure = Failure.of(new KernelException("pwrite", errno, "/some/file", null));
        assertEquals(exitCode, failure.kind().exitCode(), failure.message());
        assertTrue(failure.message().startsWith("pwrite on /some/file: E"), failure.message());
        assertTrue(failure.message().contains(part), failure.message());
    }

    @Test
    void aCallThatKnowsBetterSaysSo() {
        KernelException better = new KernelException("mount(erofs)", Errno.EPERM, "/b", "no unprivileged mounts here");
        assertEquals("mount(erofs) on /b: EPERM (not permitted): no unprivileged mounts here", better.getMessage());
    }

    @Test
    void memoryThatIsFullIsSaidWithWhatToDo() {
        Failure failure = Failure.of(new IOException("a layer", new OutOfMemoryError("Java heap space")));
        assertEquals(FailureKind.NODE, failure.kind());
        assertTrue(failure.message().contains("-Xmx"), failure.message());
        assertTrue(failure.message().contains("--chunk-size"), failure.message());
    }
}
