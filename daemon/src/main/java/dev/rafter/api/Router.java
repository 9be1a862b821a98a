package dev.rafter.api;

import dev.rafter.failure.Failure;
import dev.rafter.failure.FailureException;
import dev.rafter.failure.FailureKind;
import io.netty.handler.codec.http.QueryStringDecoder;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What can be asked:
 *
 * <pre>
 *   POST   /v1/mounts                 a {@link MountRequest}; 201 and the {@link MountView}
 *   GET    /v1/mounts                 all {@link MountView}s
 *   DELETE /v1/mounts?directory=DIR   204
 *   GET    /v1/images                 all {@link ImageView}s
 *   GET    /v1/status                 the {@link StatusView}
 *   POST   /v1/restart                has the next daemon take over: 202
 *   POST   /v1/stop                   unmounts everything and ends the daemon: 202
 *   GET    /metrics                   Prometheus text
 *   GET    /healthz                   "ok"
 * </pre>
 *
 * A failure is a {@link Failure} as JSON, with a status that goes by its kind.
 */
final class Router {
    private static final Logger LOG = LoggerFactory.getLogger(Router.class);
    private static final String JSON = "application/json";
    private static final byte[] NOTHING = new byte[0];

    private final DaemonService service;

    Router(DaemonService service) {
        this.service = service;
    }

    /** An answer, complete. */
    @SuppressWarnings("ArrayRecordComponent") // passed on once, never compared
    record Answer(int status, String contentType, byte[] body) {}

    Answer answer(String method, String uri, byte[] body) {
        try {
            return route(method, new QueryStringDecoder(uri), body);
        } catch (IOException | RuntimeException | Error e) {
            Failure failure = Failure.of(e); // also of a bug: without an answer its client would wait for ever
            LOG.warn("{} {}: {}", method, uri, failure.message(), e instanceof IOException ? null : e);
            return new Answer(status(failure.kind()), JSON, Json.bytes(failure));
        }
    }

    private Answer route(String method, QueryStringDecoder uri, byte[] body) throws IOException {
        return switch (method + " " + uri.path()) {
            case "POST /v1/mounts" -> json(201, service.mount(Json.parse(body, MountRequest.class)));
            case "GET /v1/mounts" -> json(200, service.mounts());
            case "DELETE /v1/mounts" -> {
                service.unmount(directory(uri));
                yield new Answer(204, JSON, NOTHING);
            }
            case "GET /v1/images" -> json(200, service.images());
            case "GET /v1/status" -> json(200, service.status());
            case "POST /v1/restart" -> {
                service.restart();
                yield new Answer(202, JSON, NOTHING);
            }
            case "POST /v1/stop" -> {
                service.stop();
                yield new Answer(202, JSON, NOTHING);
            }
            case "GET /metrics" -> new Answer(200, "text/plain; version=0.0.4; charset=utf-8", utf8(service.metrics()));
            case "GET /healthz" -> new Answer(200, "text/plain", utf8("ok\n"));
            default ->
                new Answer(
                        404,
                        JSON,
                        Json.bytes(new Failure(FailureKind.USAGE, "there is no " + method + " " + uri.path())));
        };
    }

    private static String directory(QueryStringDecoder uri) throws FailureException {
        List<String> values = uri.parameters().getOrDefault("directory", List.of());
        if (values.size() != 1) {
            throw new FailureException(FailureKind.USAGE, "which directory?");
        }
        return values.getFirst();
    }

    private static Answer json(int status, Object value) {
        return new Answer(status, JSON, Json.bytes(value));
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static int status(FailureKind kind) {
        return switch (kind) {
            case USAGE -> 400;
            case IMAGE -> 422;
            case REFUSED -> 403;
            case UNREACHABLE -> 502;
            case NODE -> 507;
            case FAILURE -> 500;
        };
    }
}
