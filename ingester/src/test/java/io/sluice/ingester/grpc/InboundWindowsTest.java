package io.sluice.ingester.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.sluice.ingester.fixture.RawHttp2;
import io.sluice.proto.v1.Column;
import io.sluice.proto.v1.Strings;
import io.sluice.proto.v1.TableBatch;
import io.sluice.proto.v1.WriteRequest;
import java.io.IOException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// What clients may send of a message before and after its call was let in, by a real server, a real client, and one
/// that shows each frame.
@Timeout(120)
final class InboundWindowsTest {
    private static final String WRITE = "/sluice.v1.WriteService/Write";
    private static final int GRPC_PREFIX_BYTES = 5;
    private static final int RESETS_WINDOW_SECONDS = 10;
    /// That a connection may have open.
    private static final int MAX_CALLS = 1_000;

    private static final int REFUSALS = 2 * MAX_CALLS;

    private RefusableServer server;

    @BeforeEach
    void start() throws IOException {
        server = new RefusableServer();
    }

    @AfterEach
    void stop() throws InterruptedException {
        server.stop();
    }

    @Test
    void aClientMaySendMoreWhenItsCallIsLetIn() throws Exception {
        try (RawHttp2 client = new RawHttp2(server.port())) {
            client.begin(1, WRITE);
            client.message(1, 2 << 20, 8 * 1_024);
            client.awaitWindow(1, (1 << 20) - InboundWindows.FIRST_BYTES);
        }
    }

    @Test
    void aClientWhoseCallIsRefusedIsToldToStopAndNeverToSendMore() throws Exception {
        server.fill();
        try (RawHttp2 client = new RawHttp2(server.port())) {
            client.begin(1, WRITE);
            client.message(1, 2 << 20, InboundWindows.FIRST_BYTES - GRPC_PREFIX_BYTES);
            client.awaitEnd(1);
            assertThat(client.awaitReset(1)).as("the code of the reset").isZero();
            assertThat(client.windowUpdates(1)).isZero();
            assertThat(server.refusals()).isEqualTo(1);
        }
    }

    /// A client on a network learns of a refusal when more of its message is on the way.
    @Test
    void whatIsOnItsWayBehindARefusalDoesNotEndTheConnection() throws Exception {
        server.fill();
        try (RawHttp2 client = new RawHttp2(server.port())) {
            int stream = -1;
            for (int second = 0; second < RESETS_WINDOW_SECONDS; second++) {
                int first = stream + 2;
                for (int call = 0; call < MAX_CALLS; call++) {
                    stream += 2;
                    client.begin(stream, WRITE);
                    client.message(stream, 2 << 20, 100);
                }
                for (int refused = first; refused <= stream; refused += 2) {
                    client.awaitEnd(refused);
                    client.data(refused, new byte[100]);
                }
            }
            server.empty();
            client.begin(stream + 2, WRITE);
            client.message(stream + 2, 0, 0);
            client.end(stream + 2);
            client.awaitEnd(stream + 2);
            assertThat(server.writes()).isEqualTo(1);
        }
        assertThat(server.refusals()).isEqualTo(RESETS_WINDOW_SECONDS * MAX_CALLS);
    }

    /// Far more than a connection may have open.
    @Test
    void writesThatAreRefusedLeaveNothingOpenBehindThem() {
        WriteRequest large = WriteRequest.newBuilder()
                .setNamespace("n")
                .addTables(TableBatch.newBuilder()
                        .setTable("t")
                        .addColumns(Column.newBuilder()
                                .setStrings(Strings.newBuilder().setData(ByteString.copyFrom(new byte[256 * 1_024])))))
                .build();
        server.fill();
        for (int i = 0; i < REFUSALS; i++) {
            StatusRuntimeException refused = catchThrowableOfType(
                    StatusRuntimeException.class, () -> server.client().write(large));
            assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
        }
        assertThat(server.refusals()).isEqualTo(REFUSALS);
        server.empty();
        assertThat(server.client().write(large).getSequenceNumber()).isEqualTo(7);
        while (server.calls() > 0) {
            Thread.onSpinWait();
        }
    }
}
