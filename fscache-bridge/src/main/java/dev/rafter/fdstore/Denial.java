package dev.rafter.fdstore;

import dev.rafter.linux.FanotifyGroup;
import dev.rafter.linux.Fd;
import java.nio.file.Path;
import java.util.Map;

/** The end of waiting for a daemon that does not come. */
final class Denial {
    private static final Path NO_FOLDER = Path.of("/dev/null");

    private Denial() {}

    /** Has all who wait get EIO. */
    static void denyAll(Map<String, Fd> kept) {
        Fd inflight = kept.get(FdStore.INFLIGHT);
        Path folder = inflight == null ? NO_FOLDER : inflight.path();
        kept.forEach((name, fd) -> {
            if (name.startsWith(FdStore.GROUP)) {
                FanotifyGroup.denyWaiting(fd, folder.resolve(name.substring(FdStore.GROUP.length())));
            }
        });
    }
}
