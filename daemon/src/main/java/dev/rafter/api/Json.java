package dev.rafter.api;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import java.io.IOException;
import java.util.List;

/** The JSON form of what the HTTP interface takes and gives. */
public final class Json {
    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private Json() {}

    public static byte[] bytes(Object value) {
        try {
            return MAPPER.writeValueAsBytes(value);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * @throws FailureException of kind USAGE if it is not the JSON of such a value
     */
    public static <T> T parse(byte[] json, Class<T> type) throws FailureException {
        try {
            return checked(MAPPER.readValue(json, type));
        } catch (IOException e) {
            throw wrong(e);
        }
    }

    public static <T> List<T> parseList(byte[] json, Class<T> type) throws FailureException {
        try {
            return checked(MAPPER.readValue(json, MAPPER.getTypeFactory().constructCollectionType(List.class, type)));
        } catch (IOException e) {
            throw wrong(e);
        }
    }

    private static <T> T checked(T value) throws FailureException {
        if (value == null) {
            throw new FailureException(FailureKind.USAGE, "the request is null");
        }
        return value;
    }

    private static FailureException wrong(IOException e) {
        String message = e instanceof JsonProcessingException json ? json.getOriginalMessage() : e.toString();
        return new FailureException(FailureKind.USAGE, "not the JSON that is expected here: " + message, e);
    }
}
