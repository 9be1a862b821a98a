package dev.rafter;

import dev.rafter.blob.CacheFile;
import dev.rafter.fdstore.FdStore;
import dev.rafter.linux.Fd;
import dev.rafter.linux.KernelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Opens cache files before they are guarded, and has the fd store keep their descriptors: the next daemon cannot open a guarded file for
 * itself, it would have to answer its own events. A file is known by the name of its directory.
 */
final class KeptCacheFiles implements CacheFile.Opener {
    private static final Logger LOG = LoggerFactory.getLogger(KeptCacheFiles.class);
    private static final String KEPT = "data.";

    private final FdStore store;
    private final Map<String, Fd> aside = new ConcurrentHashMap<>();

    KeptCacheFiles(FdStore store) {
        this.store = store;
    }

    @Override
    public CacheFile open(Path file) throws IOException {
        String name = KEPT + file.getName(file.getNameCount() - 2);
        Optional<Fd> left = Optional.ofNullable(aside.remove(name)).or(() -> store.take(name));
        if (left.isPresent()) {
            if (Files.exists(file) && Files.isSameFile(left.get().path(), file)) {
                return kept(left.get(), name);
            }
            LOG.warn("{} is not the file that the last daemon had", file);
            left.get().close();
        }
        if (isGuarded(name)) {
            // The guard is that of a file that we have no way into: what is written here would not be what is read
            // there.
            throw new IOException(
                    file + " is not the file that is mounted, which was deleted or replaced while somebody"
                            + " reads from it: end what does, then start Rafter again");
        }
        Fd fd = Fd.open(file, Fd.O_RDWR | Fd.O_CREAT);
        try {
            store.keep(name, fd);
        } catch (IOException e) {
            fd.close();
            throw e;
        }
        return kept(fd, name);
    }

    private CacheFile kept(Fd fd, String name) {
        return new FdCacheFile(fd, () -> closed(fd, name));
    }

    /** One that is closed under its guard, since something else of its blob could not be opened, is needed again. */
    private void closed(Fd fd, String name) {
        if (!isGuarded(name)) {
            store.forget(name);
            return;
        }
        try {
            aside.put(name, fd.duplicate());
        } catch (KernelException e) {
            LOG.warn("{} cannot be opened again before the next start", name, e);
        }
    }

    private boolean isGuarded(String name) {
        return store.keeps(FdStore.GROUP + name.substring(KEPT.length()));
    }

    /** Lets go of what the last daemon left and nobody has opened, unless its guard is still there: the next mount needs it. */
    void forgetLeft() {
        for (String name : store.left()) {
            if (name.startsWith(KEPT) && !isGuarded(name)) {
                store.take(name).ifPresent(Fd::close);
                store.forget(name);
            }
        }
    }
}
