package dev.rafter.testkit;

import java.util.SortedMap;
import org.jspecify.annotations.Nullable;

/**
 * Everything about one path of a tree but the path.
 *
 * @param type "reg", "dir", "symlink", "char", "block", "fifo" or "socket"
 * @param size of regular files and links, else 0
 * @param mtime "seconds.nanoseconds", both plain numbers; null: do not compare
 * @param group first path of its hard link group; "" for a file with one name
 * @param links number of names; 0 for directories, where it says nothing
 * @param rdev "major:minor", "" for what is no device
 * @param target byte string
 * @param xattrs name (byte string) to value in Base64
 * @param sha256 of a regular file's contents, else ""
 */
public record TreeFile(
        String type,
        int permissions,
        long uid,
        long gid,
        long size,
        @Nullable String mtime,
        String group,
        long links,
        String rdev,
        String target,
        SortedMap<String, String> xattrs,
        String sha256) {

    TreeFile withMtime(@Nullable String value) {
        return new TreeFile(type, permissions, uid, gid, size, value, group, links, rdev, target, xattrs, sha256);
    }

    TreeFile withGroup(String newGroup) {
        return new TreeFile(type, permissions, uid, gid, size, mtime, newGroup, links, rdev, target, xattrs, sha256);
    }
}
