package dev.rafter.format.tar;

import dev.rafter.format.CorruptImageException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Finds out how the contents of a regular file are stored: plainly, or as the regions of a sparse file, whose list is in the header (GNU's
 * old form), in the records (pax 0.0, 0.1), or before the data (pax 1.0).
 */
final class TarContentsParser {
    /** Digits of a number in the list of pax 1.0. */
    private static final int MAX_DIGITS = 18;

    private final TarInput in;
    private final TarNumbers numbers;
    private final PaxRecords pax;
    private long offset;

    TarContentsParser(TarInput in, TarNumbers numbers, PaxRecords pax) {
        this.in = in;
        this.numbers = numbers;
        this.pax = pax;
    }

    TarContents parse(byte[] header, long headerOffset) throws IOException {
        offset = headerOffset;
        long stored = storedSize(header);
        if (header[TarLayout.TYPE] == TarLayout.TYPE_GNU_SPARSE) {
            return gnuSparse(header, stored);
        }
        if ("1".equals(pax.get("GNU.sparse.major")) && "0".equals(pax.get("GNU.sparse.minor"))) {
            return sparse10(stored);
        }
        String size = pax.get("GNU.sparse.size");
        if (size == null) {
            return TarContents.plain(in, stored);
        }
        String map = pax.get("GNU.sparse.map");
        return sparse0(size, map == null ? pax.sparseNumbers() : Arrays.asList(map.split(",", -1)), stored);
    }

    private long storedSize(byte[] header) throws CorruptImageException {
        String size = pax.get("size");
        return size != null
                ? decimal(size, "size")
                : numbers.field(
                        header, TarLayout.SIZE, TarLayout.LARGE_NUMBER_LENGTH, TarLayout.MAX_FILE_SIZE, "size", offset);
    }

    private long decimal(@Nullable String text, String what) throws CorruptImageException {
        return numbers.decimal(text == null ? "" : text, TarLayout.MAX_FILE_SIZE, what, offset);
    }

    private TarContents gnuSparse(byte[] header, long stored) throws IOException {
        long size = numbers.field(
                header,
                TarLayout.GNU_SPARSE_REAL_SIZE,
                TarLayout.LARGE_NUMBER_LENGTH,
                TarLayout.MAX_FILE_SIZE,
                "size of a sparse file",
                offset);
        SparseMap map = new SparseMap();
        addRegions(map, header, TarLayout.GNU_SPARSE, TarLayout.GNU_SPARSE_COUNT, size);
        boolean more = header[TarLayout.GNU_SPARSE_MORE] != 0;
        while (more) {
            byte[] block = in.block();
            if (block.length == 0) {
                throw in.cut();
            }
            addRegions(map, block, 0, TarLayout.GNU_SPARSE_EXTENSION_COUNT, size);
            more = block[TarLayout.GNU_SPARSE_EXTENSION_MORE] != 0;
        }
        return sparse(map, size, stored);
    }

    private void addRegions(SparseMap map, byte[] block, int at, int count, long size) throws CorruptImageException {
        for (int i = 0; i < count; i++) {
            int entry = at + i * TarLayout.GNU_SPARSE_ENTRY_SIZE;
            if (block[entry + TarLayout.LARGE_NUMBER_LENGTH] == 0) {
                return;
            }
            add(map, region(block, entry), region(block, entry + TarLayout.LARGE_NUMBER_LENGTH), size);
        }
    }

    private long region(byte[] block, int at) throws CorruptImageException {
        return numbers.field(
                block, at, TarLayout.LARGE_NUMBER_LENGTH, TarLayout.MAX_FILE_SIZE, "place of a region", offset);
    }

    private void add(SparseMap map, long regionOffset, long regionSize, long size) throws CorruptImageException {
        String problem = map.add(regionOffset, regionSize, size);
        if (!problem.isEmpty()) {
            throw in.corrupt("a sparse file: " + problem, offset);
        }
    }

    private TarContents sparse0(String sizeText, List<String> list, long stored) throws CorruptImageException {
        long size = decimal(sizeText, "size of a sparse file");
        SparseMap map = new SparseMap();
        if (list.size() % 2 != 0) {
            throw in.corrupt("a sparse file with an odd list of regions", offset);
        }
        for (int i = 0; i < list.size(); i += 2) {
            add(map, decimal(list.get(i), "place of a region"), decimal(list.get(i + 1), "size of a region"), size);
        }
        return sparse(map, size, stored);
    }

    /** The list is decimal numbers, each with a line end, padded to whole blocks. */
    private TarContents sparse10(long stored) throws IOException {
        long size = decimal(pax.get("GNU.sparse.realsize"), "size of a sparse file");
        NumberLines lines = new NumberLines(stored);
        long count = lines.next();
        if (count > TarLayout.MAX_SPARSE_REGIONS) {
            throw in.corrupt("a sparse file with " + count + " regions", offset);
        }
        SparseMap map = new SparseMap();
        for (long i = 0; i < count; i++) {
            add(map, lines.next(), lines.next(), size);
        }
        return sparse(map, size, stored - lines.blocksRead * TarLayout.BLOCK_SIZE);
    }

    private TarContents sparse(SparseMap map, long size, long stored) throws CorruptImageException {
        if (map.storedSize() != stored) {
            throw in.corrupt(
                    "a sparse file whose regions have " + map.storedSize() + " bytes, stored are " + stored, offset);
        }
        return TarContents.sparse(in, size, map);
    }

    /** Takes numbers from blocks at the start of the contents. */
    private final class NumberLines {
        private final long stored;
        private byte[] block = new byte[0];
        private int at;
        private long blocksRead;

        NumberLines(long stored) {
            this.stored = stored;
        }

        long next() throws IOException {
            List<Byte> digits = new ArrayList<>(MAX_DIGITS);
            for (byte b = nextByte(); b != '\n'; b = nextByte()) {
                digits.add(b);
                if (digits.size() > MAX_DIGITS) {
                    throw in.corrupt("a sparse file's list of regions has no line end", offset);
                }
            }
            byte[] text = new byte[digits.size()];
            for (int i = 0; i < text.length; i++) {
                text[i] = digits.get(i);
            }
            return decimal(new String(text, StandardCharsets.ISO_8859_1), "place of a region");
        }

        private byte nextByte() throws IOException {
            if (at == block.length) {
                if ((blocksRead + 1) * TarLayout.BLOCK_SIZE > stored) {
                    throw in.corrupt("a sparse file's list of regions is longer than its contents", offset);
                }
                block = in.block();
                if (block.length == 0) {
                    throw in.cut();
                }
                at = 0;
                blocksRead++;
            }
            return block[at++];
        }
    }
}
