package io.sluice.ingester.grpc;

import com.google.rpc.Code;
import io.grpc.stub.StreamObserver;
import io.sluice.ingester.door.Namespaces;
import io.sluice.ingester.door.Namespaces.Creation;
import io.sluice.ingester.door.Namespaces.NamespaceDetails;
import io.sluice.ingester.door.WriteOutcome.Limit;
import io.sluice.ingester.grpc.CatalogCalls.RefusedException;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionTemplate;
import io.sluice.proto.v1.CreateNamespaceRequest;
import io.sluice.proto.v1.GetNamespaceRequest;
import io.sluice.proto.v1.ListNamespacesRequest;
import io.sluice.proto.v1.ListNamespacesResponse;
import io.sluice.proto.v1.Namespace;
import io.sluice.proto.v1.NamespaceServiceGrpc;
import java.util.List;
import java.util.Optional;

/// `sluice.v1.NamespaceService`. Its calls wait for the catalog.
public final class NamespaceServiceDoor extends NamespaceServiceGrpc.NamespaceServiceImplBase {
    private static final String INVALID = "INVALID_NAMESPACE";

    private final Namespaces namespaces;

    public NamespaceServiceDoor(Namespaces namespaces) {
        this.namespaces = namespaces;
    }

    @Override
    public void createNamespace(CreateNamespaceRequest request, StreamObserver<Namespace> reply) {
        CatalogCalls.answer(reply, true, INVALID, () -> {
            NamespaceName name = new NamespaceName(request.getName());
            PartitionTemplate template = request.getPartitionTemplate().isEmpty()
                    ? PartitionTemplate.DAILY
                    : new PartitionTemplate(request.getPartitionTemplate());
            return switch (namespaces.create(name, template)) {
                case Creation.Exists() -> message(new NamespaceDetails(name, template, List.of()));
                case Creation.LimitReached(String message) ->
                    throw new RefusedException(Failure.limitReached(Limit.NAMESPACE_COUNT, message));
                case Creation.Conflict(String message) ->
                    throw new RefusedException(Code.ALREADY_EXISTS, "NAMESPACE_EXISTS", message);
            };
        });
    }

    @Override
    public void getNamespace(GetNamespaceRequest request, StreamObserver<Namespace> reply) {
        CatalogCalls.answer(reply, false, INVALID, () -> {
            NamespaceName name = new NamespaceName(request.getName());
            return message(namespaces
                    .find(name)
                    .orElseThrow(() -> new RefusedException(
                            Code.NOT_FOUND, "NAMESPACE_NOT_FOUND", "there is no namespace '%s'".formatted(name))));
        });
    }

    @Override
    public void listNamespaces(ListNamespacesRequest request, StreamObserver<ListNamespacesResponse> reply) {
        CatalogCalls.answer(reply, false, INVALID, () -> {
            Optional<NamespaceName> after = Optional.of(request.getAfter())
                    .filter(name -> !name.isEmpty())
                    .map(NamespaceName::new);
            int limit = CatalogCalls.limit(request.getLimit());
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
}
