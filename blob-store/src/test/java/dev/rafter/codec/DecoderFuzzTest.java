package dev.rafter.codec;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Tag;

/** Fuzz targets: frames of any kind are decoded or refused. Started with JAZZER_FUZZ=1; without, only the seeds run. */
@Tag("slow")
class DecoderFuzzTest {
    @FuzzTest(maxDuration = "1m")
    void frame(byte[] bytes) {
        if (bytes.length < 3) {
            return;
        }
        Codec codec = switch (bytes[0] & 3) {
            case 0 -> Codec.NONE;
            case 1 -> Codec.LZ4_BLOCK;
            case 2 -> Codec.ZSTD;
            default -> Codec.GZIP;
        };
        ByteBuffer target = ByteBuffer.allocateDirect((bytes[1] & 0xFF) << 8 | (bytes[2] & 0xFF));
        ByteBuffer frame = ByteBuffer.allocateDirect(bytes.length - 3)
                .put(bytes, 3, bytes.length - 3)
                .flip();
        try (Decoder decoder = codec.newDecoder()) {
            decoder.decode(frame, target);
        } catch (CorruptFrameException _) {
            // refused, as it should be
        }
    }

    @FuzzTest(maxDuration = "1m")
    void layer(byte[] bytes) throws IOException {
        byte[] buffer = new byte[1 << 16];
        try (InputStream in = LayerDecompressor.open(new ByteArrayInputStream(bytes))) {
            for (int reads = 0; reads < 1000 && in.read(buffer) >= 0; reads++) {
                buffer[0] = 0;
            }
        } catch (CorruptFrameException _) {
            // refused, as it should be
        }
    }
}
