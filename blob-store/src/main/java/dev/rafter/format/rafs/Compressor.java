package dev.rafter.format.rafs;

import java.util.Optional;

/** How the chunks of a blob are stored, as RAFS numbers it. The constants have the names of the codecs that decode them. */
public enum Compressor {
    NONE(0, RafsLayout.Extension.FLAG_COMPRESSION_NONE, RafsLayout.TocEntry.FLAG_STORED),
    LZ4_BLOCK(1, RafsLayout.Extension.FLAG_COMPRESSION_LZ4, RafsLayout.TocEntry.FLAG_LZ4),
    /** Only of gzip layers that images refer to. */
    GZIP(2, RafsLayout.Extension.FLAG_COMPRESSION_GZIP, 0),
    ZSTD(3, RafsLayout.Extension.FLAG_COMPRESSION_ZSTD, RafsLayout.TocEntry.FLAG_ZSTD);

    private final int number;
    private final long superblockFlag;
    private final int tocFlag;

    Compressor(int number, long superblockFlag, int tocFlag) {
        this.number = number;
        this.superblockFlag = superblockFlag;
        this.tocFlag = tocFlag;
    }

    static Optional<Compressor> ofNumber(long number) {
        for (Compressor compressor : values()) {
            if (compressor.number == number) {
                return Optional.of(compressor);
            }
        }
        return Optional.empty();
    }

    static Optional<Compressor> ofTocFlag(long flag) {
        for (Compressor compressor : values()) {
            if (compressor.tocFlag == flag && flag != 0) {
                return Optional.of(compressor);
            }
        }
        return Optional.empty();
    }

    /** In blob tables. */
    int number() {
        return number;
    }

    /** In superblocks. */
    long superblockFlag() {
        return superblockFlag;
    }

    /** In tables of contents; 0 for gzip, which does not occur there. */
    int tocFlag() {
        return tocFlag;
    }
}
