package dev.rafter.mount;

import dev.rafter.image.ImageDevice;
import dev.rafter.image.OpenedImage;
import dev.rafter.linux.Mounts;
import dev.rafter.registry.ImageReference;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes over what the daemon before this one left mounted, with its guards, without asking a registry. A mount that cannot be taken over,
 * or not whole, is taken away, so that nobody new reads its holes; whoever still reads from it gets EIO there. A failure stays with its
 * mount: the daemon starts for the others.
 */
final class TakeOver {
    private static final Logger LOG = LoggerFactory.getLogger(TakeOver.class);

    private final MountManager.Openers openers;
    private final GuardedBlobs blobs;
    private final MountRecords records;
    private final List<ActiveMount> mounted = new ArrayList<>();
    private final List<ActiveMount> lingering = new ArrayList<>();
    private final List<MountRecord> lost = new ArrayList<>();
    /** Whether each guard that is left belongs to a mount that is known. */
    private boolean whole = true;

    TakeOver(MountManager.Openers openers, GuardedBlobs blobs, MountRecords records) {
        this.openers = openers;
        this.blobs = blobs;
        this.records = records;
    }

    /** What is mounted, of what there is a record. */
    List<ActiveMount> mounted() {
        return mounted;
    }

    /** What is not, and may still be read from. */
    List<ActiveMount> lingering() {
        return lingering;
    }

    void run() throws IOException {
        MountRecords.Found found = records.all();
        for (MountRecord record : found.records()) {
            try {
                takeOver(record);
            } catch (IOException | RuntimeException e) {
                takeAway(record, e);
                lost.add(record);
                whole = false;
            }
        }
        whole &= found.unreadable().isEmpty();
        boolean denied = settleOrphans();
        lost.forEach(record -> keepOrRemove(record, denied));
        for (Path file : found.unreadable()) {
            unreadable(file, denied);
        }
    }

    private void takeOver(MountRecord record) throws IOException {
        OpenedImage image =
                record.plainImage().isPresent() ? record.plainImage().get() : reopen(record);
        List<GuardedBlobs.Use> uses = new ArrayList<>();
        List<IOException> failures = adopt(image, uses);
        ActiveMount mount = new ActiveMount(record, image, uses);
        if (failures.isEmpty() && !record.lingering() && MountInfo.shows(record)) {
            mounted.add(mount);
            LOG.info("took over {} ({}) at {}", image.name(), image.digest(), mount.directory());
            return;
        }
        lingering.add(mount);
        if (!failures.isEmpty()) {
            whole = false;
            takeAway(record, failures.getFirst());
        }
        write(record.asLingering());
    }

    /** From where the mount was asked for, which need not be where the image came from first. */
    private OpenedImage reopen(MountRecord record) throws IOException {
        ImageReference reference = ImageReference.parse(record.request().image());
        return openers.opener(record.request()).reopen(record.digest(), reference);
    }

    /** Takes over the guards of all devices that have one. */
    private List<IOException> adopt(OpenedImage image, List<GuardedBlobs.Use> uses) {
        List<IOException> failures = new ArrayList<>();
        for (ImageDevice device : image.devices()) {
            try {
                if (device instanceof ImageDevice.Lazy lazy) {
                    uses.add(blobs.adopt(lazy));
                }
            } catch (IOException e) {
                failures.add(e);
            }
        }
        return failures;
    }

    private static void takeAway(MountRecord record, Exception why) {
        try {
            if (!record.lingering() && MountInfo.shows(record)) {
                LOG.error(
                        "{} was left mounted by another daemon and cannot be taken over; it is unmounted, and what still"
                                + " uses it is to be started again: {}",
                        record.directory(),
                        why.getMessage());
                Mounts.detach(record.directory());
            }
        } catch (IOException e) {
            LOG.error("{} stays mounted, and its holes cannot be read: {}", record.directory(), e.getMessage());
        }
    }

    /** Guards of mounts that are not known any more: ended if that is sure, else denying. Whether any denies. */
    private boolean settleOrphans() {
        boolean denied = false;
        for (String orphan : blobs.orphans()) {
            try {
                if (whole) {
                    blobs.end(orphan);
                } else {
                    denied = true;
                    blobs.deny(orphan);
                }
            } catch (IOException e) {
                LOG.error("guard {} of a mount that is not known any more is left alone: {}", orphan, e.getMessage());
            }
        }
        return denied;
    }

    private void keepOrRemove(MountRecord record, boolean denied) {
        if (denied) {
            write(record.asLingering()); // so that the next daemon goes on denying
            return;
        }
        try {
            records.remove(record);
        } catch (IOException e) {
            LOG.warn("the record of what was mounted at {} stays: {}", record.directory(), e.getMessage());
        }
    }

    private void write(MountRecord record) {
        try {
            records.write(record);
        } catch (IOException e) {
            LOG.warn("the record of what was mounted at {} is not up to date: {}", record.directory(), e.getMessage());
        }
    }

    /** What it told of, if anything, is denied until nobody can have it any more; then it tells of nothing. */
    private static void unreadable(Path file, boolean denied) {
        LOG.error(
                "{} is no record of a mount: what it told of cannot be taken over{}",
                file,
                denied ? ", and who reads from that gets EIO. Unmount it, and mount it again" : "; it is removed");
        try {
            if (!denied) {
                Files.delete(file);
            }
        } catch (IOException e) {
            LOG.warn("{} cannot be removed: {}", file, e.getMessage());
        }
    }
}
