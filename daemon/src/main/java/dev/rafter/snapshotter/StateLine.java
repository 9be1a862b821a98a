package dev.rafter.snapshotter;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.rafter.oci.Digest;
import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One transaction of the state store as a line of JSON: {@code {"drop":[NAME...],"put":[ROW...]}}, applied in this order.
 *
 * @param drop names of snapshots that are gone
 * @param put snapshots as they are now
 */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
record StateLine(@Nullable List<String> drop, @Nullable List<Row> put) {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** A snapshot. Times are ISO 8601 with nanoseconds. */
    @JsonInclude(JsonInclude.Include.NON_EMPTY)
    record Row(
            long id,
            String name,
            @Nullable String parent,
            Kind kind,
            String created,
            String updated,
            @Nullable Map<String, String> labels,
            @Nullable Usage usage,
            @Nullable OriginRow origin) {

        static Row of(Snapshot s) {
            return new Row(
                    s.id(),
                    s.name(),
                    s.parent(),
                    s.kind(),
                    s.created().toString(),
                    s.updated().toString(),
                    s.labels(),
                    s.usage(),
                    s.origin() == null ? null : OriginRow.of(s.origin()));
        }

        Snapshot snapshot() {
            return new Snapshot(
                    id,
                    name,
                    parent == null ? "" : parent,
                    kind,
                    Instant.parse(created),
                    Instant.parse(updated),
                    labels == null ? Map.of() : labels,
                    usage,
                    origin == null ? null : origin.origin());
        }
    }

    /** Where an image layer comes from; its fields are those of {@link Origin} and {@link ImageLayer}. */
    @JsonInclude(JsonInclude.Include.NON_EMPTY)
    record OriginRow(
            boolean lazy,
            @Nullable String explanation,
            @Nullable String reference,
            @Nullable String manifest,
            @Nullable String layer) {

        static OriginRow of(Origin origin) {
            ImageLayer layer = origin.layer();
            return layer == null
                    ? new OriginRow(origin.lazy(), origin.explanation(), null, null, null)
                    : new OriginRow(
                            origin.lazy(),
                            origin.explanation(),
                            layer.reference(),
                            layer.manifest().toString(),
                            layer.layer().toString());
        }

        Origin origin() {
            ImageLayer of = reference == null || manifest == null || layer == null
                    ? null
                    : new ImageLayer(reference, Digest.parse(manifest), Digest.parse(layer));
            return new Origin(lazy, explanation == null ? "" : explanation, of);
        }
    }

    static StateLine of(List<String> drop, List<Snapshot> put) {
        return new StateLine(List.copyOf(drop), put.stream().map(Row::of).toList());
    }

    String encode() {
        try {
            return JSON.writeValueAsString(this);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("state line cannot be written", e);
        }
    }

    /**
     * The transaction that a line says.
     *
     * @throws IOException if this version of Rafter does not understand it
     */
    static StateLine decode(String line) throws IOException {
        try {
            StateLine decoded = Objects.requireNonNull(JSON.readValue(line, StateLine.class));
            var _ = decoded.snapshots();
            return decoded;
        } catch (IOException | RuntimeException e) {
            throw new IOException("this version of Rafter does not understand " + start(line), e);
        }
    }

    private static String start(String line) {
        return line.substring(0, Math.min(line.length(), 200));
    }

    List<String> dropped() {
        return drop == null ? List.of() : drop;
    }

    List<Snapshot> snapshots() {
        return put == null ? List.of() : put.stream().map(Row::snapshot).toList();
    }
}
