package io.sluice.ingester.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.rpc.ErrorInfo;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.StatusProto;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.door.FixedByteBudget;
import io.sluice.ingester.door.PersistHandler.PersistSummary;
import io.sluice.ingester.door.WriteOutcome;
import io.sluice.ingester.fixture.Admissions;
import io.sluice.ingester.fixture.BudgetedWrites;
import io.sluice.ingester.fixture.FailingCatalog;
import io.sluice.ingester.grpc.GrpcServer;
import io.sluice.ingester.grpc.NamespaceServiceDoor;
import io.sluice.ingester.schema.CatalogNamespaces;
import io.sluice.ingester.write.InFlightWrites;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionTemplate;
import io.sluice.model.SequenceNumber;
import io.sluice.model.TableName;
import io.sluice.persist.catalog.Catalogs;
import io.sluice.proto.v1.CreateNamespaceRequest;
import io.sluice.proto.v1.ListNamespacesRequest;
import io.sluice.proto.v1.ListNamespacesResponse;
import io.sluice.proto.v1.Namespace;
import io.sluice.proto.v1.NamespaceServiceGrpc;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `namespace` and the service behind it, with a real server and a real catalog.
final class NamespaceCommandTest {
    private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
    private final FailingCatalog catalog;
    private final GrpcServer server;
    private final ManagedChannel channel;

    NamespaceCommandTest(@TempDir Path folder) throws Exception {
        catalog = new FailingCatalog(Catalogs.open("sqlite:" + folder.resolve("catalog.db"), Clock.systemUTC()));
        SimpleMeterRegistry metrics = new SimpleMeterRegistry();
        server = new GrpcServer(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                GrpcServer.Limits.of(1 << 20),
                executor,
                Thread.ofPlatform().factory(),
                System::nanoTime,
                new FixedByteBudget(1 << 30, "--inflight-bytes"),
                Admissions.usual(),
                new BudgetedWrites(
                        new InFlightWrites(1 << 30, 1_000, () -> 0, metrics),
                        (_, _) -> CompletableFuture.completedStage(new WriteOutcome.Written(new SequenceNumber(1)))),
                (_, _) -> CompletableFuture.completedStage(new PersistSummary(0, 0, 0)),
                () -> "{}",
                metrics,
                List.of(new NamespaceServiceDoor(new CatalogNamespaces(catalog))));
        server.start();
        channel = NettyChannelBuilder.forAddress("127.0.0.1", server.port())
                .usePlaintext()
                .build();
    }

    @AfterEach
    void stop() throws Exception {
        channel.shutdownNow();
        server.stop(Duration.ofSeconds(5));
        executor.close();
        catalog.close();
    }

    private CommandRun run(String... arguments) {
        List<String> all = new ArrayList<>(List.of("namespace"));
        all.addAll(List.of(arguments));
        all.addAll(List.of("--server", "127.0.0.1:" + server.port()));
        return CommandRun.of(all.toArray(String[]::new));
    }

    @Test
    void aNamespaceIsCreatedWithItsTemplateOnce() throws Exception {
        CommandRun created = run("create", "metrics", "--partition-template", "%Y-%m|tag:region");
        assertThat(created.exitCode()).as(created.err()).isZero();
        assertThat(created.out()).isEqualTo("namespace metrics, partitions by %%Y-%%m|tag:region%n".formatted());
        assertThat(catalog.findNamespace(new NamespaceName("metrics")))
                .contains(new PartitionTemplate("%Y-%m|tag:region"));
        assertThat(run("create", "metrics", "--partition-template", "%Y-%m|tag:region")
                        .exitCode())
                .isZero();
        run("create", "metrics")
                .assertFailed(ExitCodes.PARTIAL, "ALREADY_EXISTS", "'metrics'", "'%Y-%m-%d'", "'%Y-%m|tag:region'");
        assertThat(catalog.findNamespace(new NamespaceName("metrics")))
                .contains(new PartitionTemplate("%Y-%m|tag:region"));
    }

    @Test
    void whoNamesNoTemplateGetsADay() throws Exception {
        assertThat(run("create", "metrics").exitCode()).isZero();
        assertThat(catalog.findNamespace(new NamespaceName("metrics"))).contains(PartitionTemplate.DAILY);
        Namespace other = NamespaceServiceGrpc.newBlockingStub(channel)
                .createNamespace(
                        CreateNamespaceRequest.newBuilder().setName("other").build());
        assertThat(other.getPartitionTemplate()).isEqualTo("%Y-%m-%d");
    }

    @Test
    void whatIsWrongIsSaidInOneLine() throws Exception {
        run("create", "metrics", "--partition-template", "%d")
                .assertFailed(ExitCodes.PARTIAL, "INVALID_ARGUMENT", "partition template '%d'");
        run("create", "n".repeat(300)).assertFailed(ExitCodes.PARTIAL, "INVALID_ARGUMENT", "300 bytes");
        run("show", "metrics").assertFailed(ExitCodes.PARTIAL, "NOT_FOUND", "'metrics'");
        assertThat(catalog.namespaces()).isEmpty();
    }

    @Test
    void anErrorTellsItsReason() throws Exception {
        StatusRuntimeException failure = Assertions.catchThrowableOfType(
                StatusRuntimeException.class,
                () -> NamespaceServiceGrpc.newBlockingStub(channel)
                        .createNamespace(CreateNamespaceRequest.newBuilder()
                                .setName("metrics")
                                .setPartitionTemplate("tag:")
                                .build()));
        assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(info(failure).getReason()).isEqualTo("INVALID_NAMESPACE");
        assertThat(info(failure).getMetadataMap()).containsEntry("side_effects", "none");
    }

    private static ErrorInfo info(StatusRuntimeException failure) throws Exception {
        com.google.rpc.Status status = StatusProto.fromThrowable(failure);
        assertThat(status).isNotNull();
        return status.getDetails(0).unpack(ErrorInfo.class);
    }

    @Test
    void allNamespacesAreListedPageByPage() throws Exception {
        assertThat(run("ls").out()).isEqualTo("there are no namespaces%n".formatted());
        catalog.createNamespace(new NamespaceName("b"), PartitionTemplate.DAILY);
        catalog.createNamespace(new NamespaceName("a"), new PartitionTemplate("tag:host"));
        catalog.createNamespace(new NamespaceName("c"), PartitionTemplate.DAILY);
        assertThat(run("ls").outLines()).containsExactly("a\ttag:host", "b\t%Y-%m-%d", "c\t%Y-%m-%d");
        List<String> names = new ArrayList<>();
        List<Integer> pages = new ArrayList<>();
        String after = "";
        do {
            ListNamespacesResponse page = NamespaceServiceGrpc.newBlockingStub(channel)
                    .listNamespaces(ListNamespacesRequest.newBuilder()
                            .setAfter(after)
                            .setLimit(2)
                            .build());
            page.getNamespacesList().forEach(namespace -> names.add(namespace.getName()));
            pages.add(page.getNamespacesCount());
            after = page.getNextAfter();
        } while (!after.isEmpty());
        assertThat(names).containsExactly("a", "b", "c");
        assertThat(pages).containsExactly(2, 1);
    }

    @Test
    void aNamespaceIsShownWithItsTables() throws Exception {
        catalog.ensureTable(new NamespaceName("metrics"), new TableName("mem"), List.of(), 10);
        catalog.ensureTable(new NamespaceName("metrics"), new TableName("cpu"), List.of(), 10);
        assertThat(run("show", "metrics").outLines())
                .containsExactly(
                        "namespace           metrics",
                        "partition template  %Y-%m-%d",
                        "tables              2",
                        "  cpu",
                        "  mem");
    }
}
