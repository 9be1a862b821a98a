package dev.rafter.oci;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** A JSON document is not what it should be. The message names the document and says what is wrong with it and where. */
public final class DocumentException extends IOException {
    private static final long serialVersionUID = 1;

    private final String document;

    /**
     * @param document which document of whom, as "manifest sha256:… of registry.example/app:1"
     */
    public DocumentException(String document, String problem, @Nullable Throwable cause) {
        super(document + ": " + problem, cause);
        this.document = document;
    }

    /** Never null. */
    @Override
    public String getMessage() {
        return String.valueOf(super.getMessage());
    }

    /** Which document this is about. */
    public String document() {
        return document;
    }
}
