package io.sluice.ingester;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.time.Clock;
import java.time.Instant;
import org.junit.jupiter.api.Test;

/// Who may know whom.
final class ArchitectureTest {
    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .withImportOption(location -> !location.contains("/io/sluice/fixtures/"))
            .importPackages("io.sluice");

    @Test
    void modulesDependDownwardsOnlyAndSiblingsDoNotKnowOneAnother() {
        layeredArchitecture()
                .consideringOnlyDependenciesInLayers()
                .layer("proto")
                .definedBy("io.sluice.proto..", "io.sluice.model..", "io.sluice.rows..")
                .layer("wal")
                .definedBy("io.sluice.wal..")
                .layer("persist")
                .definedBy("io.sluice.persist..")
                .layer("query")
                .definedBy("io.sluice.query..")
                .layer("ingester")
                .definedBy("io.sluice.ingester..")
                .whereLayer("ingester")
                .mayNotBeAccessedByAnyLayer()
                .whereLayer("wal")
                .mayOnlyBeAccessedByLayers("ingester")
                .whereLayer("persist")
                .mayOnlyBeAccessedByLayers("ingester")
                .whereLayer("query")
                .mayOnlyBeAccessedByLayers("ingester")
                .check(CLASSES);
    }

    @Test
    void packagesHaveNoCycles() {
        slices().matching("io.sluice.(*)..").should().beFreeOfCycles().check(CLASSES);
        slices().matching("io.sluice.ingester.(*)..").should().beFreeOfCycles().check(CLASSES);
    }

    @Test
    void modelStandsOnTheJdkAlone() {
        noClasses()
                .that()
                .resideInAPackage("io.sluice.model..")
                .should()
                .dependOnClassesThat()
                .resideOutsideOfPackages("io.sluice.model..", "java..", "org.jspecify..")
                .check(CLASSES);
    }

    @Test
    void parquetStaysInItsPackage() {
        noClasses()
                .that()
                .resideOutsideOfPackage("io.sluice.persist.parquet..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("org.apache.parquet..", "org.apache.hadoop..")
                .check(CLASSES);
    }

    @Test
    void librariesOfStoresAndDatabasesStayInTheirPackages() {
        noClasses()
                .that()
                .resideOutsideOfPackage("io.sluice.persist.store..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("software.amazon..")
                .check(CLASSES);
        noClasses()
                .that()
                .resideOutsideOfPackage("io.sluice.persist.catalog..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("com.zaxxer..", "org.postgresql..", "org.sqlite..", "java.sql..")
                .check(CLASSES);
    }

    @Test
    void arrowFlightStaysInItsPackage() {
        noClasses()
                .that()
                .resideOutsideOfPackage("io.sluice.query.flight..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("org.apache.arrow.flight..")
                .check(CLASSES);
    }

    @Test
    void onlyTheEdgesKnowGrpcAndHttp() {
        noClasses()
                .that()
                .resideOutsideOfPackages(
                        "io.sluice.ingester.grpc..",
                        "io.sluice.ingester.cli..",
                        "io.sluice.ingester",
                        "io.sluice.query.flight..",
                        "io.sluice.proto..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("io.grpc..")
                .check(CLASSES);
        noClasses()
                .that()
                .resideOutsideOfPackage("io.sluice.ingester.http.server..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("org.eclipse.jetty..")
                .check(CLASSES);
    }

    @Test
    void generatedMessagesAreKnownWhereBytesEnterOrLeave() {
        noClasses()
                .that()
                .resideOutsideOfPackages(
                        "io.sluice.proto..",
                        "io.sluice.query..",
                        "io.sluice.ingester.grpc..",
                        "io.sluice.ingester.door..",
                        "io.sluice.ingester.lineprotocol..",
                        "io.sluice.ingester.cli..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("io.sluice.proto..")
                .check(CLASSES);
    }

    @Test
    void timeIsHandedIn() {
        noClasses()
                .that()
                .doNotHaveFullyQualifiedName(Wiring.class.getName())
                .and()
                .resideOutsideOfPackage("io.sluice.ingester.cli..")
                .should()
                .callMethod(System.class, "nanoTime")
                .orShould()
                .callMethod(System.class, "currentTimeMillis")
                .orShould()
                .callMethod(Instant.class, "now")
                .orShould()
                .callMethod(Clock.class, "systemUTC")
                .orShould()
                .callMethod(Thread.class, "sleep", long.class)
                .check(CLASSES);
    }
}
