package io.sluice.ingester.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.grpc.CallOptions;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.sluice.proto.v1.WriteRequest;
import java.io.IOException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Which threads calls run on, by a real server and a real client.
@Timeout(120)
final class CallThreadsTest {
    private static final int STREAMED = 100;

    private RefusableServer server;

    @BeforeEach
    void start() throws IOException {
        server = new RefusableServer();
    }

    @AfterEach
    void stop() throws InterruptedException {
        server.stop();
    }

    private void write() {
        var _ = server.client().write(WriteRequest.getDefaultInstance());
    }

    private Status.Code refusal() {
        return catchThrowableOfType(StatusRuntimeException.class, this::write)
                .getStatus()
                .getCode();
    }

    @Test
    void aWriteThatIsRefusedAtItsHeadersStaysOnItsConnectionsThread() {
        server.fill();
        assertThat(refusal()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
        assertThat(server.tasks()).isZero();
        assertThat(server.refusals()).isEqualTo(1);
        assertThat(server.writes()).isZero();
    }

    @Test
    void aWriteThatIsLetInRunsOnTheExecutor() {
        write();
        assertThat(server.tasks()).isPositive();
        assertThat(server.writes()).isEqualTo(1);
    }

    @Test
    void aWriteIsRefusedEvenIfItsReasonHasGoneMeanwhile() {
        server.fill();
        server.onRefused(server::empty);
        assertThat(refusal()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
        assertThat(server.tasks()).isZero();
        assertThat(server.writes()).isZero();
        write();
        assertThat(server.writes()).isEqualTo(1);
    }

    private void stream(WriteRequest write, CallOptions options) throws Exception {
        StreamClient stream = server.stream(options).read();
        for (int i = 1; i <= STREAMED; i++) {
            stream.send(i, write).awaitAck(i);
        }
        assertThat(stream.halfClose().end().status().getCode()).isEqualTo(Status.Code.OK);
        assertThat(server.writes()).isEqualTo(STREAMED);
    }

    private static WriteRequest ofLength(int lengthBytes) {
        return WriteRequest.newBuilder().setNamespace("n".repeat(lengthBytes)).build();
    }

    @Test
    void shortMessagesOfAStreamStayOnItsConnectionsThread() throws Exception {
        server.beQuick();
        stream(ofLength(Arrival.SHORT_BYTES - 100), CallOptions.DEFAULT);
        // The first ones may meet the task that begins the stream.
        assertThat(server.writesOnExecutor()).isLessThan(STREAMED / 2);
        assertThat(server.tasks()).isLessThan(STREAMED / 2);
    }

    /// Each write is one task at most: to send the ack takes none.
    @Test
    void aShortMessageThatMayBlockIsHandedToTheExecutor() throws Exception {
        stream(ofLength(100), CallOptions.DEFAULT);
        assertThat(server.writesOnExecutor()).isEqualTo(STREAMED);
        assertThat(server.tasks()).isLessThan(STREAMED + STREAMED / 2);
    }

    @Test
    void longMessagesOfAStreamRunOnTheExecutor() throws Exception {
        server.beQuick();
        stream(ofLength(Arrival.SHORT_BYTES), CallOptions.DEFAULT);
        assertThat(server.writesOnExecutor()).isEqualTo(STREAMED);
    }

    /// They may be long when they are unpacked.
    @Test
    void packedMessagesOfAStreamRunOnTheExecutor() throws Exception {
        server.beQuick();
        stream(ofLength(100), CallOptions.DEFAULT.withCompression("gzip"));
        assertThat(server.writesOnExecutor()).isEqualTo(STREAMED);
    }
}
