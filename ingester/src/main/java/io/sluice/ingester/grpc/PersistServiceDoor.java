package io.sluice.ingester.grpc;

import io.grpc.stub.StreamObserver;
import io.sluice.ingester.door.PersistHandler;
import io.sluice.ingester.door.PersistHandler.PersistSummary;
import io.sluice.ingester.door.PersistRefusedException;
import io.sluice.ingester.door.WriteOutcome;
import io.sluice.model.NamespaceName;
import io.sluice.model.TableName;
import io.sluice.proto.v1.PersistRequest;
import io.sluice.proto.v1.PersistResponse;
import io.sluice.proto.v1.PersistServiceGrpc;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/// `sluice.v1.PersistService`.
final class PersistServiceDoor extends PersistServiceGrpc.PersistServiceImplBase {
    /// How long a start, or a restart, usually lasts.
    private static final Duration RETRY_AFTER = Duration.ofSeconds(5);

    private final PersistHandler handler;

    PersistServiceDoor(PersistHandler handler) {
        this.handler = handler;
    }

    @Override
    public void persist(PersistRequest request, StreamObserver<PersistResponse> reply) {
        Optional<NamespaceName> namespace;
        Optional<TableName> table;
        try {
            namespace = Optional.of(request.getNamespace())
                    .filter(name -> !name.isEmpty())
                    .map(NamespaceName::new);
            table = Optional.of(request.getTable())
                    .filter(name -> !name.isEmpty())
                    .map(TableName::new);
        } catch (IllegalArgumentException e) {
            reply.onError(Statuses.of(Failure.invalid(String.valueOf(e.getMessage()))));
            return;
        }
        if (table.isPresent() && namespace.isEmpty()) {
            reply.onError(Statuses.of(Failure.invalid("table '%s' without a namespace".formatted(table.get()))));
            return;
        }
        var _ = handler.persist(namespace, table).whenComplete((summary, failure) -> answer(summary, failure, reply));
    }

    private static void answer(
            @Nullable PersistSummary summary, @Nullable Throwable failure, StreamObserver<PersistResponse> reply) {
        Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
        if (cause instanceof PersistRefusedException refused) {
            reply.onError(Statuses.of(Failure.refused(
                    new WriteOutcome.Refused(refused.reason(), String.valueOf(refused.getMessage()), RETRY_AFTER))));
            return;
        }
        if (summary == null) {
            reply.onError(Statuses.of(
                    Failure.unexpected(failure == null ? new IllegalStateException("no summary") : failure, true)));
            return;
        }
        reply.onNext(PersistResponse.newBuilder()
                .setPartitions(summary.partitions())
                .setRows(summary.rows())
                .setFiles(summary.files())
                .build());
        reply.onCompleted();
    }
}
