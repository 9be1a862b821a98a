package dev.rafter.format;

import java.io.IOException;

/** A file of a tree has something that the format to be written has no place for: says which file and what. */
public final class UnrepresentableFileException extends IOException {
    private final String path;
    private final String problem;

    /**
     * @param path absolute path of the file, a byte string
     * @param problem what can not be stored, as a phrase: "the xattr system.nfs4_acl has no prefix that EROFS knows"
     */
    public UnrepresentableFileException(String path, String problem) {
        super(ByteStrings.display(path) + ": " + problem);
        this.path = path;
        this.problem = problem;
    }

    /** A byte string. */
    public String path() {
        return path;
    }

    public String problem() {
        return problem;
    }
}
