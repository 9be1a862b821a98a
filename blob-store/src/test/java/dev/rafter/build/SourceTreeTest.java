package dev.rafter.build;

import dev.rafter.testkit.ExpectedTree;
import dev.rafter.testkit.Tree;
import java.io.IOException;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The layers of the golden images, merged: every path, without any deviation. */
@Timeout(60)
class SourceTreeTest {
    @ParameterizedTest
    @ValueSource(strings = {"oci-gzip", "oci-zstd", "oci-mixed", "docker-v2s2"})
    void goldenImage(String fixture) throws IOException {
        Tree merged = SourceTreeValue.of(SourceTree.read(Layers.ofFixture(fixture)));
        Tree.assertSame(ExpectedTree.of(fixture), merged);
    }
}
