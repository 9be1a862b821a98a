package dev.rafter.oci;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.exc.ValueInstantiationException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * JSON in and out, for every document of this program; the one place that knows the library. What comes in is bounded (size, depth,
 * lengths, no duplicate keys, nothing after the end); what goes out is the same bytes for the same value.
 */
public final class Json {
    /** The largest document that is read: what containerd allows a manifest. */
    public static final int MAX_DOCUMENT_BYTES = 8 << 20;

    private static final int MAX_DEPTH = 64;

    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxDocumentLength(MAX_DOCUMENT_BYTES)
                            .maxNestingDepth(MAX_DEPTH)
                            .maxNumberLength(64)
                            .maxNameLength(4096)
                            .maxStringLength(MAX_DOCUMENT_BYTES)
                            .build())
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
                    .build())
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
            .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS)
            .disable(MapperFeature.SORT_PROPERTIES_ALPHABETICALLY)
            .build();

    private Json() {}

    /**
     * @param document which document this is, for messages
     * @throws DocumentException if it is too big, no JSON, or not of this type
     */
    public static <T> T parse(byte[] bytes, Class<T> type, String document) throws DocumentException {
        return convert(bytes, document, () -> MAPPER.readValue(bytes, type));
    }

    /**
     * The document as a tree; missing fields read as missing nodes through {@link JsonNode#path}.
     *
     * @throws DocumentException if it is too big or no JSON
     */
    public static JsonNode tree(byte[] bytes, String document) throws DocumentException {
        return convert(bytes, document, () -> MAPPER.readTree(bytes));
    }

    /** The value in compact JSON, keys of maps sorted. */
    public static byte[] bytes(Object value) {
        try {
            return MAPPER.writeValueAsBytes(value);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("cannot be written as JSON: " + value.getClass(), e);
        }
    }

    static <T> T treeToValue(JsonNode node, Class<T> type, String document) throws DocumentException {
        return convert(new byte[0], document, () -> MAPPER.treeToValue(node, type));
    }

    static JsonNode valueToTree(Object value) {
        return MAPPER.valueToTree(value);
    }

    private interface Reading<T> {
        @Nullable
        T read() throws IOException;
    }

    private static <T> T convert(byte[] bytes, String document, Reading<T> reading) throws DocumentException {
        if (bytes.length > MAX_DOCUMENT_BYTES) {
            throw new DocumentException(
                    document, "has " + bytes.length + " bytes, more than " + MAX_DOCUMENT_BYTES, null);
        }
        T value;
        try {
            value = reading.read();
        } catch (IOException e) {
            throw new DocumentException(document, problem(e), e);
        }
        if (value == null) {
            throw new DocumentException(document, "is null", null);
        }
        return value;
    }

    /** One line that says what is wrong, where, and in which field; Jackson's own message holds class names of ours. */
    private static String problem(IOException e) {
        if (e instanceof ValueInstantiationException refused
                && refused.getCause() instanceof IllegalArgumentException) {
            return refused.getCause().getMessage() + at(refused);
        }
        return switch (e) {
            case JsonMappingException mapping ->
                "field \"" + path(mapping) + "\" is wrong: " + firstLine(mapping) + at(mapping);
            case JsonProcessingException syntax -> "is not valid JSON: " + firstLine(syntax) + at(syntax);
            default -> String.valueOf(e.getMessage());
        };
    }

    private static String firstLine(JsonProcessingException e) {
        return e.getOriginalMessage().lines().findFirst().orElse("");
    }

    private static String path(JsonMappingException e) {
        StringBuilder path = new StringBuilder();
        for (JsonMappingException.Reference step : e.getPath()) {
            if (step.getFieldName() == null) {
                path.append('[').append(step.getIndex()).append(']');
            } else {
                path.append(path.isEmpty() ? "" : ".").append(step.getFieldName());
            }
        }
        return path.toString();
    }

    private static String at(JsonProcessingException e) {
        JsonLocation where = e.getLocation();
        return where == null || where.getLineNr() < 0
                ? ""
                : " (line " + where.getLineNr() + ", column " + where.getColumnNr() + ")";
    }
}
