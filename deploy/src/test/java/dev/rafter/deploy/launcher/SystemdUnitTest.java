package dev.rafter.deploy.launcher;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.fdstore.NotifyFdStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class SystemdUnitTest {
    /** "data." and a digest, with a separator: most names are longer, few are shorter. */
    private static final int SHORTEST_NAME_BYTES = 70;

    /** systemd drops what is too many without a word: a mount would be made whose guard ends with the daemon. */
    @Test
    void systemdKeepsAsManyDescriptorsAsWeGive() throws IOException {
        String unit = Files.readString(Path.of("systemd/rafter.service"));
        Matcher most = Pattern.compile("(?m)^FileDescriptorStoreMax=(\\d+)$").matcher(unit);
        assertTrue(most.find());
        int given = NotifyFdStore.NAMES_BYTES_OF_SYSTEMD / SHORTEST_NAME_BYTES + 10;
        assertTrue(Integer.parseInt(most.group(1)) >= given, most.group(1) + " < " + given);
    }
}
