package io.sluice.query.flight;

import io.sluice.proto.v1.BatchMetadata;
import io.sluice.proto.v1.QueryRequest;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.util.List;
import java.util.Optional;
import org.apache.arrow.flight.FlightClient;
import org.apache.arrow.flight.FlightRuntimeException;
import org.apache.arrow.flight.FlightStream;
import org.apache.arrow.flight.Location;
import org.apache.arrow.flight.Ticket;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.ipc.ArrowStreamWriter;
import org.apache.arrow.vector.types.pojo.Schema;

/// A client for queries. For one thread.
public final class FlightQueryClient implements AutoCloseable {
    private final BufferAllocator allocator;
    private final FlightClient client;

    private FlightQueryClient(BufferAllocator allocator, FlightClient client) {
        this.allocator = allocator;
        this.client = client;
    }

    /// Prepares a connection, which is made by the first query.
    public static FlightQueryClient open(String host, int port) {
        BufferAllocator allocator = new RootAllocator();
        try {
            FlightClient client = FlightClient.builder(allocator, Location.forGrpcInsecure(host, port))
                    .build();
            return new FlightQueryClient(allocator, client);
        } catch (RuntimeException e) {
            allocator.close();
            throw e;
        }
    }

    /// Takes the batches of an answer.
    public interface BatchConsumer {
        /// The answer begins; called once, also if there are no rows.
        void begin(Schema schema) throws IOException;

        /// Takes one batch, valid during the call only.
        void batch(VectorSchemaRoot rows, DictionaryProvider dictionaries, BatchMetadata metadata) throws IOException;
    }

    /// Asks, and hands over the answer batch by batch.
    ///
    /// @throws QueryFailedException if the server refuses, or cannot be reached
    /// @throws IOException if the consumer throws it
    @SuppressWarnings("try") // an interrupted close ends in the last catch
    public void query(QueryRequest request, BatchConsumer consumer) throws IOException, QueryFailedException {
        try (FlightStream stream = client.getStream(new Ticket(request.toByteArray()))) {
            consumer.begin(stream.getSchema());
            while (stream.next()) {
                BatchMetadata metadata = stream.getLatestMetadata() == null
                        ? BatchMetadata.getDefaultInstance()
                        : BatchMetadata.parseFrom(stream.getLatestMetadata().nioBuffer());
                consumer.batch(stream.getRoot(), stream.getDictionaryProvider(), metadata);
            }
        } catch (FlightRuntimeException e) {
            throw new QueryFailedException(e);
        } catch (IOException | QueryFailedException | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IOException("cannot close the answer", e);
        }
    }

    /// Asks, and writes the answer as an Arrow IPC stream. Does not close `out`.
    public void writeArrow(QueryRequest request, OutputStream out) throws IOException, QueryFailedException {
        ArrowOutput output = new ArrowOutput(out);
        try (output) {
            query(request, output);
        }
    }

    private static final class ArrowOutput implements BatchConsumer, AutoCloseable {
        private final OutputStream out;
        private Schema schema = new Schema(List.of());
        private Optional<ArrowStreamWriter> writer = Optional.empty();

        ArrowOutput(OutputStream out) {
            this.out = new FilterOutputStream(out) {
                @Override
                public void write(byte[] bytes, int from, int length) throws IOException {
                    out.write(bytes, from, length);
                }

                @Override
                public void close() throws IOException {
                    flush(); // the stream below is the caller's
                }
            };
        }

        @Override
        public void begin(Schema begun) {
            schema = begun;
        }

        @Override
        public void batch(VectorSchemaRoot rows, DictionaryProvider dictionaries, BatchMetadata metadata)
                throws IOException {
            if (writer.isEmpty()) {
                writer = Optional.of(new ArrowStreamWriter(rows, dictionaries, Channels.newChannel(out)));
                writer.get().start();
            }
            writer.get().writeBatch();
        }

        @Override
        public void close() throws IOException {
            if (writer.isPresent()) {
                // Ends the stream, and releases the dictionaries that the writer keeps.
                writer.get().close();
            } else if (!schema.getFields().isEmpty()) {
                EmptyArrow.write(schema, out);
            }
        }
    }

    @Override
    public void close() {
        try {
            client.close();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        allocator.close();
    }
}
