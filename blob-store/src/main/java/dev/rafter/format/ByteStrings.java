package dev.rafter.format;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;

/**
 * Byte strings: names, link targets and xattr names are bytes, not text. They are held as {@link String}s of one char per byte
 * (ISO 8859-1), which compare in unsigned byte order, hash, and cost one byte a character.
 */
public final class ByteStrings {
    private ByteStrings() {}

    public static String of(byte[] bytes) {
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    /** The byte string of a text's UTF-8 form. */
    public static String ofText(String text) {
        return of(text.getBytes(StandardCharsets.UTF_8));
    }

    public static byte[] bytes(String byteString) {
        return byteString.getBytes(StandardCharsets.ISO_8859_1);
    }

    /** For people and logs: the text where the bytes are UTF-8; control characters and other bytes as {@code \xNN}. */
    public static String display(String byteString) {
        String text = utf8(byteString);
        StringBuilder shown = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c < 0x20 || c == 0x7f || c == '\\') {
                shown.append(c == '\\' ? "\\\\" : "\\x" + HexFormat.of().toHexDigits((byte) c));
            } else {
                shown.append(c);
            }
        }
        return shown.toString();
    }

    private static String utf8(String byteString) {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes(byteString)))
                    .toString();
        } catch (CharacterCodingException _) {
            StringBuilder escaped = new StringBuilder();
            for (int i = 0; i < byteString.length(); i++) {
                char c = byteString.charAt(i);
                escaped.append(c < 0x80 ? String.valueOf(c) : "\u0000");
            }
            return escaped.toString();
        }
    }
}
