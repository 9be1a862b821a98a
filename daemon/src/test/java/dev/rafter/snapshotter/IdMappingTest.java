package dev.rafter.snapshotter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rafter.snapshotter.IdMapping.Range;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class IdMappingTest {
    @Test
    void idsAreMappedByTheirRange() throws SnapshotException {
        IdMapping mapping = IdMapping.parse("0:100000:1000,5000:300000:10");
        assertEquals(List.of(new Range(0, 100000, 1000), new Range(5000, 300000, 10)), mapping.ranges());
        assertEquals(100000, mapping.toHost(0));
        assertEquals(100999, mapping.toHost(999));
        assertEquals(300009, mapping.toHost(5009));
        assertTrue(mapping.maps(5009));
        assertFalse(mapping.maps(1000));
        assertFalse(mapping.maps(5010));
        assertThrows(SnapshotException.class, () -> mapping.toHost(1000));
        assertEquals("0:100000:1000,5000:300000:10", mapping.toString());
    }

    @Test
    void idsAreUnsigned() throws SnapshotException {
        IdMapping mapping = IdMapping.parse("0:0:4294967295");
        assertEquals(-2, mapping.toHost(-2));
        assertFalse(mapping.maps(-1), "which stands for no id at all");
        assertEquals(-2, IdMapping.parse("0:4294967294:1").toHost(0));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ",",
                "0:1",
                "0:1:1:1",
                "a:1:1",
                "0:1:0",
                "-1:1:1",
                "0:-1:1",
                "0:0:4294967296",
                "4294967295:0:1",
                "0:4294967294:2",
                "0:1:99999999999999999999",
                "0:9223372036854775807:9223372036854775807",
                "0:1:1,",
                "0:1:1,lowerdir=/etc"
            })
    void whatIsNoMappingIsRefused(String text) {
        SnapshotException e = assertThrows(SnapshotException.class, () -> IdMapping.parse(text));
        assertEquals(SnapshotException.Code.INVALID_ARGUMENT, e.code());
        assertTrue(e.toString().contains('"' + text + '"'), e::toString);
    }
}
