package io.sluice.ingester.grpc;

import com.google.rpc.Code;
import io.grpc.stub.StreamObserver;
import io.sluice.ingester.grpc.CatalogCalls.RefusedException;
import io.sluice.model.NamespaceName;
import io.sluice.model.PartitionKey;
import io.sluice.model.TableName;
import io.sluice.persist.catalog.Catalog;
import io.sluice.persist.catalog.FileQuery;
import io.sluice.persist.catalog.FileRecord;
import io.sluice.persist.catalog.PartitionSummary;
import io.sluice.proto.v1.CatalogFile;
import io.sluice.proto.v1.CatalogPartition;
import io.sluice.proto.v1.CatalogServiceGrpc;
import io.sluice.proto.v1.ListFilesRequest;
import io.sluice.proto.v1.ListFilesResponse;
import io.sluice.proto.v1.ListPartitionsRequest;
import io.sluice.proto.v1.ListPartitionsResponse;
import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/// `sluice.v1.CatalogService`. Its calls wait for the catalog.
public final class CatalogServiceDoor extends CatalogServiceGrpc.CatalogServiceImplBase {
    private static final String INVALID = "INVALID_CATALOG_REQUEST";

    private final Catalog catalog;
    private final String objectStore;

    /// @param catalog stays the caller's
    /// @param objectStore the address below which objects are named
    public CatalogServiceDoor(Catalog catalog, String objectStore) {
        this.catalog = catalog;
        this.objectStore = objectStore;
    }

    @Override
    public void listFiles(ListFilesRequest request, StreamObserver<ListFilesResponse> reply) {
        CatalogCalls.answer(reply, false, INVALID, () -> {
            NamespaceName namespace = new NamespaceName(request.getNamespace());
            Optional<TableName> table = find(request.getTable(), TableName::new);
            Optional<PartitionKey> partition = find(request.getPartition(), PartitionKey::new);
            if (partition.isPresent() && table.isEmpty()) {
                throw new RefusedException(
                        Code.INVALID_ARGUMENT, INVALID, "a partition needs a table: expected one, found none");
            }
            int limit = CatalogCalls.limit(request.getLimit());
            List<FileRecord> files =
                    catalog.files(new FileQuery(namespace, table, partition, request.getAfter(), limit));
            if (files.isEmpty()) {
                requireExisting(namespace, table);
            }
            ListFilesResponse.Builder response = ListFilesResponse.newBuilder().setObjectStore(objectStore);
            files.forEach(file -> response.addFiles(message(file)));
            if (files.size() == limit) {
                response.setNextAfter(files.getLast().objectName());
            }
            return response.build();
        });
    }

    @Override
    public void listPartitions(ListPartitionsRequest request, StreamObserver<ListPartitionsResponse> reply) {
        CatalogCalls.answer(reply, false, INVALID, () -> {
            NamespaceName namespace = new NamespaceName(request.getNamespace());
            TableName table = new TableName(request.getTable());
            int limit = CatalogCalls.limit(request.getLimit());
            List<PartitionSummary> partitions =
                    catalog.partitions(namespace, table, find(request.getAfter(), PartitionKey::new), limit);
            if (partitions.isEmpty()) {
                requireExisting(namespace, Optional.of(table));
            }
            ListPartitionsResponse.Builder response = ListPartitionsResponse.newBuilder();
            partitions.forEach(partition -> response.addPartitions(message(partition)));
            if (partitions.size() == limit) {
                response.setNextAfter(partitions.getLast().key().value());
            }
            return response.build();
        });
    }

    private static <T> Optional<T> find(String text, Function<String, T> reader) {
        return Optional.of(text).filter(found -> !found.isEmpty()).map(reader);
    }

    private void requireExisting(NamespaceName namespace, Optional<TableName> table)
            throws IOException, RefusedException {
        if (catalog.findNamespace(namespace).isEmpty()) {
            throw new RefusedException(
                    Code.NOT_FOUND, "NAMESPACE_NOT_FOUND", "there is no namespace '%s'".formatted(namespace));
        }
        if (table.isPresent() && catalog.findTable(namespace, table.get()).isEmpty()) {
            throw new RefusedException(
                    Code.NOT_FOUND,
                    "TABLE_NOT_FOUND",
                    "there is no table '%s' in namespace '%s'".formatted(table.get(), namespace));
        }
    }

    private static CatalogFile message(FileRecord file) {
        return CatalogFile.newBuilder()
                .setObject(file.objectName())
                .setNamespace(file.namespace().value())
                .setTable(file.table().value())
                .setPartition(file.partition().key().value())
                .setIngester(file.ingester().toString())
                .setMinSequence(file.minSequence().value())
                .setMaxSequence(file.maxSequence().value())
                .setRowCount(file.rowCount())
                .setSizeBytes(file.sizeBytes())
                .setMinTimeNs(file.minTimeNs())
                .setMaxTimeNs(file.maxTimeNs())
                .setCreatedAtNs(toNanos(file.createdAt()))
                .build();
    }

    /// The catalog holds no other instants than those that fit.
    private static long toNanos(Instant instant) {
        return Math.addExact(Math.multiplyExact(instant.getEpochSecond(), 1_000_000_000L), instant.getNano());
    }

    private static CatalogPartition message(PartitionSummary partition) {
        return CatalogPartition.newBuilder()
                .setKey(partition.key().value())
                .setFiles(partition.files())
                .setRowCount(partition.rowCount())
                .setSizeBytes(partition.sizeBytes())
                .setMinTimeNs(partition.minTimeNs())
                .setMaxTimeNs(partition.maxTimeNs())
                .build();
    }
}
