package dev.rafter.format.erofs;

import dev.rafter.format.CorruptImageException;
import dev.rafter.format.ImageBytes;
import dev.rafter.format.erofs.ErofsLayout.Xattr;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The prefixes that xattr names are shortened by: six fixed ones, and the long ones that an image brings along.
 *
 * <pre>
 *   Table  --> Record^count
 *   Record --> length u16, base u8, infix^(length - 1), padding to 4 bytes
 * </pre>
 */
final class XattrPrefixes {
    private static final int USER = 1;
    private static final int ACL_ACCESS = 2;
    private static final int ACL_DEFAULT = 3;
    private static final int TRUSTED = 4;
    private static final int SECURITY = 6;

    private static final String ACL_ACCESS_NAME = "system.posix_acl_access";
    private static final String ACL_DEFAULT_NAME = "system.posix_acl_default";

    static final XattrPrefixes FIXED_ONLY = new XattrPrefixes(List.of());

    private final List<LongPrefix> longPrefixes;

    private XattrPrefixes(List<LongPrefix> longPrefixes) {
        this.longPrefixes = longPrefixes;
    }

    private record LongPrefix(int base, String infix) {}

    /** A name taken apart for storing: the number of its fixed prefix, and the rest. */
    record Split(int index, String suffix) {}

    /** The fixed prefix and the rest of a full name; null if EROFS has no prefix for it. */
    static @Nullable Split split(String name) {
        if (name.equals(ACL_ACCESS_NAME)) {
            return new Split(ACL_ACCESS, "");
        }
        if (name.equals(ACL_DEFAULT_NAME)) {
            return new Split(ACL_DEFAULT, "");
        }
        for (int index : new int[] {USER, TRUSTED, SECURITY}) {
            String prefix = fixed(index);
            if (prefix != null && name.startsWith(prefix)) {
                return new Split(index, name.substring(prefix.length()));
            }
        }
        return null;
    }

    /**
     * Reads the table of long prefixes.
     *
     * @param table the bytes that it lies in: the image, or the data of the packed inode
     */
    static XattrPrefixes read(ImageBytes table, long start, int count) throws CorruptImageException {
        List<LongPrefix> prefixes = new ArrayList<>(count);
        long position = start;
        for (int i = 0; i < count; i++) {
            int length = table.u16(position, "long xattr prefix " + i);
            if (length < 1 || length > ErofsLayout.MAX_NAME + 1) {
                throw table.corrupt("long xattr prefix " + i + " of " + length + " bytes", position);
            }
            int base = table.u8(position + 2, "long xattr prefix " + i);
            if (base > SECURITY) {
                throw table.corrupt("long xattr prefix " + i + " has the unknown base " + base, position + 2);
            }
            prefixes.add(new LongPrefix(base, table.string(position + 3, length - 1, "long xattr prefix " + i)));
            position = (position + 2 + length + Xattr.ALIGNMENT - 1) & -(long) Xattr.ALIGNMENT;
        }
        return new XattrPrefixes(List.copyOf(prefixes));
    }

    /** The name that users see, or null if they see none. */
    @Nullable
    String fullName(int index, String suffix, String where, ImageBytes image, long offset)
            throws CorruptImageException {
        int base = index;
        String rest = suffix;
        if ((index & Xattr.LONG_PREFIX) != 0) {
            LongPrefix prefix = longPrefix(index & ~Xattr.LONG_PREFIX, where, image, offset);
            base = prefix.base;
            rest = prefix.infix + suffix;
        }
        if (base > SECURITY) {
            throw image.corrupt(where + ": xattr prefix " + base + " does not exist", offset);
        }
        String fixed = fixed(base);
        if (fixed == null) {
            return null;
        }
        boolean whole = base == ACL_ACCESS || base == ACL_DEFAULT;
        if (rest.isEmpty() != whole || rest.indexOf('\0') >= 0) {
            throw image.corrupt(where + ": an xattr name of prefix " + base + " is malformed", offset);
        }
        return fixed + rest;
    }

    private LongPrefix longPrefix(int number, String where, ImageBytes image, long offset)
            throws CorruptImageException {
        if (number >= longPrefixes.size()) {
            throw image.corrupt(
                    where + ": long xattr prefix " + number + " of " + longPrefixes.size() + " does not exist", offset);
        }
        return longPrefixes.get(number);
    }

    /**
     * Null for 0, which long prefixes use for what only the filesystem wants to know, and 5, Lustre's: the kernel shows neither.
     */
    private static @Nullable String fixed(int index) {
        return switch (index) {
            case USER -> "user.";
            case ACL_ACCESS -> ACL_ACCESS_NAME;
            case ACL_DEFAULT -> ACL_DEFAULT_NAME;
            case TRUSTED -> "trusted.";
            case SECURITY -> "security.";
            default -> null;
        };
    }
}
