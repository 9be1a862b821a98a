package dev.rafter.deploy.architecture;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.belongToAnyOf;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Who may use what: the arrows between packages, as ARCHITECTURE.md draws them. */
final class ArrowsTest {
    private static final String[] REGISTRY_CLIENT = {"dev.rafter.oci..", "dev.rafter.registry.."};
    private static final String[] FORMATS = {"dev.rafter.format.."};
    private static final String[] BLOB_STORE = {
        "dev.rafter.format..",
        "dev.rafter.codec..",
        "dev.rafter.digest..",
        "dev.rafter.blob..",
        "dev.rafter.fetch..",
        "dev.rafter.build.."
    };
    private static final String[] BRIDGE = {
        "dev.rafter.ondemand..", "dev.rafter.linux..", "dev.rafter.socket..", "dev.rafter.fdstore.."
    };
    private static final String OURS = "dev.rafter..";

    private static JavaClasses ours;

    @BeforeAll
    static void read() {
        ours = new ClassFileImporter()
                .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                .importPackages("dev.rafter");
        assertTrue(ours.size() > 100, "the modules are on the class path");
    }

    @Test
    void theRegistryClientUsesNothingOfOurs() {
        check(onlyOurs(REGISTRY_CLIENT, REGISTRY_CLIENT));
    }

    @Test
    void theBlobStoreUsesOnlyTheDocumentsOfTheRegistryClient() {
        check(onlyOurs(BLOB_STORE, with(BLOB_STORE, "dev.rafter.oci")));
    }

    @Test
    void theBridgeUsesNothingOfOurs() {
        check(onlyOurs(BRIDGE, BRIDGE));
    }

    @Test
    void formatsUseTheJdkAndDigestsAlone() {
        check(classes()
                .that()
                .resideInAnyPackage(FORMATS)
                .should()
                .onlyDependOnClassesThat(resideInAnyPackage(
                        "dev.rafter.format..", "dev.rafter.digest", "java..", "javax..", "org.jspecify..")));
    }

    @Test
    void compressionLibrariesAreKnownToCodecAlone() {
        check(only("dev.rafter.codec..", "net.jpountz..", "com.github.luben..", "org.tukaani.."));
    }

    @Test
    void okHttpIsKnownToRegistryHttpAlone() {
        check(only("dev.rafter.registry.http..", "okhttp3..", "okio.."));
    }

    @Test
    void theForeignLinkerIsKnownToLinuxAlone() {
        check(noClasses()
                .that()
                .resideOutsideOfPackage("dev.rafter.linux..")
                .should()
                .dependOnClassesThat(belongToAnyOf(Linker.class, SymbolLookup.class, FunctionDescriptor.class)));
    }

    @Test
    void nettyAndGrpcAreKnownToTheServersAlone() {
        check(noClasses()
                .that()
                .resideInAPackage(OURS)
                .and()
                .resideOutsideOfPackages("dev.rafter.api..", "dev.rafter.snapshotter..", "dev.rafter.socket..")
                .should()
                .dependOnClassesThat(resideInAnyPackage("io.netty..", "io.grpc..")));
    }

    private static ArchRule only(String user, String... libraries) {
        return noClasses()
                .that()
                .resideInAPackage(OURS)
                .and()
                .resideOutsideOfPackage(user)
                .should()
                .dependOnClassesThat(resideInAnyPackage(libraries));
    }

    /** Of our own classes, those of {@code users} use only {@code used}; what is not ours is free. */
    private static ArchRule onlyOurs(String[] users, String[] used) {
        return noClasses()
                .that()
                .resideInAnyPackage(users)
                .should()
                .dependOnClassesThat(resideInAnyPackage(OURS).and(not(resideInAnyPackage(used))));
    }

    private static String[] with(String[] packages, String more) {
        String[] all = Arrays.copyOf(packages, packages.length + 1);
        all[packages.length] = more;
        return all;
    }

    private static void check(ArchRule rule) {
        rule.allowEmptyShould(true).check(ours);
    }
}
