package dev.rafter.digest;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HasherTest {
    /** From the test vectors of BLAKE3's authors: the first 32 bytes of "hash". */
    @ParameterizedTest
    @CsvSource({
        "0, af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
        "1, 2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
        "1023, 10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11",
        "1024, 42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7",
        "1025, d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444",
        "2048, e776b6028c7cd22a4d0ba182a8bf62205d2ef576467e838ed6f2529b85fba24a",
        "2049, 5f4d72f40d7a5f82b15ca2b2e44b1de3c2ef86c426c95c1af0b6879522563030",
        "3072, b98cb0ff3623be03326b373de6b9095218513e64f1ee2edd2525c7ad1e5cffd2",
        "3073, 7124b49501012f81cc7f11ca069ec9226cecb8a2c850cfe644e327d22d3e1cd3",
        "4096, 015094013f57a5277b59d8475c0501042c0b642e531b0a1c8f58d2163229e969",
        "4097, 9b4052b38f1c5fc8b1f9ff7ac7b27cd242487b3d890d15c96a1c25b8aa0fb995",
        "5120, 9cadc15fed8b5d854562b26a9536d9707cadeda9b143978f319ab34230535833",
        "6145, f1323a8631446cc50536a9f705ee5cb619424d46887f3c376c695b70e0f0507f",
        "7169, a003fc7a51754a9b3c7fae0367ab3d782dccf28855a03d435f8cfe74605e7817",
        "8193, bab6c09cb8ce8cf459261398d2e7aef35700bf488116ceb94a36d0f5f1b7bc3b",
        "16384, f875d6646de28985646f34ee13be9a576fd515f76b5b0a26bb324735041ddde4",
        "31744, 62b6960e1a44bcc1eb1a611a8d6235b6b4b78f32e7abc4fb4c6cdcce94895c47",
        "102400, bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085",
    })
    void blake3VectorsOfItsAuthors(int length, String expected) {
        assertEquals(expected, hex(DigestAlgorithm.BLAKE3.newHasher(), vectorInput(length)));
    }

    @Test
    void sha256OfAbc() {
        assertEquals(
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                hex(DigestAlgorithm.SHA256.newHasher(), new byte[] {'a', 'b', 'c'}));
    }

    @Test
    void piecesOfAnySizeFromAnyBufferGiveTheSame() {
        long seed = Long.getLong("test.seed", 42);
        Random random = new Random(seed);
        byte[] input = vectorInput(50_000);
        for (DigestAlgorithm algorithm : DigestAlgorithm.values()) {
            Hasher whole = algorithm.newHasher();
            Hasher pieces = algorithm.newHasher();
            for (int round = 0; round < 50; round++) {
                int length = random.nextInt(input.length);
                updateInPieces(pieces, input, length, random);
                whole.update(input, 0, length);
                assertEquals(
                        HexFormat.of().formatHex(whole.digest()),
                        HexFormat.of().formatHex(pieces.digest()),
                        algorithm + " seed=" + seed + " round=" + round);
            }
        }
    }

    private static void updateInPieces(Hasher hasher, byte[] input, int length, Random random) {
        ByteBuffer direct = ByteBuffer.allocateDirect(input.length).put(input).clear();
        int at = 0;
        while (at < length) {
            int part = Math.min(length - at, random.nextInt(1, 5000));
            switch (random.nextInt(3)) {
                case 0 -> hasher.update(input, at, part);
                case 1 -> hasher.update(direct.slice(at, part));
                default -> hasher.update(ByteBuffer.wrap(input, at, part).asReadOnlyBuffer());
            }
            at += part;
        }
    }

    private static String hex(Hasher hasher, byte[] input) {
        hasher.update(input, 0, input.length);
        return HexFormat.of().formatHex(hasher.digest());
    }

    private static byte[] vectorInput(int length) {
        byte[] input = new byte[length];
        for (int i = 0; i < length; i++) {
            input[i] = (byte) (i % 251);
        }
        return input;
    }
}
