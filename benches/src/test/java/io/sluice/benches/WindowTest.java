package io.sluice.benches;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.model.SequenceNumber;
import io.sluice.wal.AppendListener;
import io.sluice.wal.WalRefusedException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class WindowTest {
    private static final Duration ENDLESS = Duration.ofDays(1);
    private final IOException diskFailed = new IOException("the disk failed");

    @Test
    void aRefusedWriteEndsTheWindowWithItsCause() {
        AtomicLong taken = new AtomicLong();
        Contestant log = new Fake((_, listener) -> {
            if (taken.incrementAndGet() > 100) {
                throw diskFailed;
            }
            listener.durable(SequenceNumber.NONE);
        });

        assertThatThrownBy(() -> Window.run(Load.random(3, 1, 16), log, Duration.ZERO, ENDLESS))
                .isInstanceOf(IOException.class)
                .hasRootCause(diskFailed);
    }

    @Test
    void aFailedAckEndsTheWindowWithItsCause() {
        Contestant log = new Fake((_, listener) -> listener.failed(diskFailed));

        for (int inFlight : new int[] {1, 64}) {
            assertThatThrownBy(() -> Window.run(Load.random(1, inFlight, 16), log, ENDLESS, ENDLESS))
                    .as("%d in flight", inFlight)
                    .isInstanceOf(IOException.class)
                    .hasRootCause(diskFailed);
        }
    }

    @Test
    void everyNaiveAckIsForAWriteAndNoWriteLacksOne(@TempDir Path directory) throws Exception {
        try (NaiveLog log = NaiveLog.start(directory)) {
            AtomicLong handedOver = new AtomicLong();
            AtomicLong acknowledged = new AtomicLong();
            Contestant counted = new Fake((payload, listener) -> {
                handedOver.incrementAndGet();
                log.append(payload, new Counting(acknowledged, listener));
            });

            long writes = Window.fill(counted, Load.random(1, 64, 1_000), 1_000_000);

            assertThat(writes).isEqualTo(1_000);
            assertThat(handedOver).hasValue(1_000);
            assertThat(acknowledged).hasValue(1_000);
        }
    }

    private record Counting(AtomicLong acknowledged, AppendListener next) implements AppendListener {
        @Override
        public void durable(SequenceNumber sequence) {
            if (sequence.value() == acknowledged.incrementAndGet()) {
                next.durable(sequence);
            } else {
                next.failed(new IOException("out of order: " + sequence));
            }
        }

        @Override
        public void refused(WalRefusedException refusal) {
            next.refused(refusal);
        }

        @Override
        public void failed(IOException cause) {
            next.failed(cause);
        }
    }

    @FunctionalInterface
    private interface Append {
        void to(byte[] payload, AppendListener listener) throws IOException, InterruptedException;
    }

    private record Fake(Append append) implements Contestant {
        @Override
        public void append(byte[] payload, AppendListener listener) throws IOException, InterruptedException {
            append.to(payload, listener);
        }

        @Override
        public boolean isBlocking() {
            return false;
        }

        @Override
        public void close() {}
    }
}
