package io.sluice.ingester.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

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

    /// Each write is one task, that of its message.
    @Test
    void acksOfAStreamAreSentByItsConnectionsThread() throws Exception {
        int writes = 100;
        StreamClient stream = server.stream().read();
        stream.send(1, WriteRequest.getDefaultInstance()).awaitAck(1);
        int before = server.tasks();
        for (int i = 2; i <= writes + 1; i++) {
            stream.send(i, WriteRequest.getDefaultInstance()).awaitAck(i);
        }
        assertThat(server.tasks() - before).isLessThan(writes + writes / 2);
        assertThat(stream.halfClose().end().status().getCode()).isEqualTo(Status.Code.OK);
    }
}
