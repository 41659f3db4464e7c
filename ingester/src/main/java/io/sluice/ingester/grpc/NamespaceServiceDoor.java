package io.sluice.ingester.grpc;

import com.google.rpc.Code;
import io.grpc.stub.StreamObserver;
import io.sluice.ingester.door.Namespaces;
import io.sluice.ingester.door.Namespaces.Creation;
import io.sluice.ingester.door.Namespaces.NamespaceDetails;
import io.sluice.ingester.door.WriteOutcome.Limit;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionTemplate;
import io.sluice.proto.v1.CreateNamespaceRequest;
import io.sluice.proto.v1.GetNamespaceRequest;
import io.sluice.proto.v1.ListNamespacesRequest;
import io.sluice.proto.v1.ListNamespacesResponse;
import io.sluice.proto.v1.Namespace;
import io.sluice.proto.v1.NamespaceServiceGrpc;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/// `sluice.v1.NamespaceService`. Its calls wait for the catalog.
public final class NamespaceServiceDoor extends NamespaceServiceGrpc.NamespaceServiceImplBase {
    /// The most namespaces of one answer.
    static final int MAX_PAGE = 1_000;

    private static final Duration RETRY_AFTER = Duration.ofSeconds(2);

    private final Namespaces namespaces;

    public NamespaceServiceDoor(Namespaces namespaces) {
        this.namespaces = namespaces;
    }

    /// A call's answer, or why there is none.
    @FunctionalInterface
    private interface Answer<T> {
        T get() throws IOException, RefusedException;
    }

    private static final class RefusedException extends Exception {
        private final transient Failure failure;

        RefusedException(Failure failure) {
            super(failure.message(), null, false, false);
            this.failure = failure;
        }
    }

    @Override
    public void createNamespace(CreateNamespaceRequest request, StreamObserver<Namespace> reply) {
        answer(reply, true, () -> {
            NamespaceName name = new NamespaceName(request.getName());
            PartitionTemplate template = request.getPartitionTemplate().isEmpty()
                    ? PartitionTemplate.DAILY
                    : new PartitionTemplate(request.getPartitionTemplate());
            return switch (namespaces.create(name, template)) {
                case Creation.Exists() -> message(new NamespaceDetails(name, template, List.of()));
                case Creation.LimitReached(String message) ->
                    throw new RefusedException(Failure.limitReached(Limit.NAMESPACE_COUNT, message));
                case Creation.Conflict(String message) ->
                    throw refused(Code.ALREADY_EXISTS, "NAMESPACE_EXISTS", message);
            };
        });
    }

    @Override
    public void getNamespace(GetNamespaceRequest request, StreamObserver<Namespace> reply) {
        answer(reply, false, () -> {
            NamespaceName name = new NamespaceName(request.getName());
            return message(namespaces
                    .find(name)
                    .orElseThrow(() -> refused(
                            Code.NOT_FOUND, "NAMESPACE_NOT_FOUND", "there is no namespace '%s'".formatted(name))));
        });
    }

    @Override
    public void listNamespaces(ListNamespacesRequest request, StreamObserver<ListNamespacesResponse> reply) {
        answer(reply, false, () -> {
            Optional<NamespaceName> after = Optional.of(request.getAfter())
                    .filter(name -> !name.isEmpty())
                    .map(NamespaceName::new);
            int asked = request.getLimit();
            int limit = asked <= 0 || asked > MAX_PAGE ? MAX_PAGE : asked; // negative: above 2^31
            List<NamespaceDetails> page = namespaces.list(after, limit);
            ListNamespacesResponse.Builder response = ListNamespacesResponse.newBuilder();
            page.forEach(namespace -> response.addNamespaces(message(namespace)));
            if (page.size() == limit) {
                response.setNextAfter(page.getLast().name().value());
            }
            return response.build();
        });
    }

    private static Namespace message(NamespaceDetails details) {
        Namespace.Builder message = Namespace.newBuilder()
                .setName(details.name().value())
                .setPartitionTemplate(details.template().text());
        details.tables().forEach(table -> message.addTables(table.value()));
        return message.build();
    }

    private static RefusedException refused(Code code, String reason, String message) {
        return new RefusedException(new Failure(code, reason, message, false, Optional.empty()));
    }

    /// @param changes whether the call may have done something although it fails
    private static <T> void answer(StreamObserver<T> reply, boolean changes, Answer<T> answer) {
        T message;
        try {
            message = answer.get();
        } catch (RefusedException e) {
            reply.onError(Statuses.of(e.failure));
            return;
        } catch (IllegalArgumentException e) {
            reply.onError(Statuses.of(new Failure(
                    Code.INVALID_ARGUMENT,
                    "INVALID_NAMESPACE",
                    String.valueOf(e.getMessage()),
                    false,
                    Optional.empty())));
            return;
        } catch (IOException e) {
            reply.onError(Statuses.of(new Failure(
                    Code.UNAVAILABLE,
                    "CATALOG_UNAVAILABLE",
                    "the catalog does not answer: " + e.getMessage(),
                    changes,
                    Optional.of(RETRY_AFTER))));
            return;
        } catch (RuntimeException e) {
            reply.onError(Statuses.of(Failure.unexpected(e, changes)));
            return;
        }
        reply.onNext(message);
        reply.onCompleted();
    }
}
