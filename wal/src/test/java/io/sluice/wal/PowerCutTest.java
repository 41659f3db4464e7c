package io.sluice.wal;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.model.SequenceNumber;
import io.sluice.wal.WalFolder.Replayed;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.NavigableMap;
import java.util.Random;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Power is cut while several threads write: invariants 1 (acknowledged means durable), 2 (one order), 8 and 9.
final class PowerCutTest {
    private static final int ROUNDS = Integer.getInteger("sluice.powercuts", 600);
    private static final int WRITERS = 4;
    private static final long SEED = 20_261_121L;

    @TempDir
    private Path folder = Path.of("");

    /// What the writers of one round know.
    private static final class Round {
        final NavigableMap<Long, byte[]> acknowledged = new ConcurrentSkipListMap<>();
        final List<byte[]> sent = new ArrayList<>();
        final AtomicLong deletedBelow = new AtomicLong();

        synchronized void sending(byte[] payload) {
            sent.add(payload);
        }
    }

    @Test
    void whatWasAcknowledgedIsFoundAndNothingIsInvented() throws Exception {
        for (int index = 0; index < ROUNDS; index++) {
            long seed = SEED + index;
            Random random = new Random(seed);
            PowerCutDisk disk = new PowerCutDisk(random, 1 + random.nextInt(40));
            Round round = new Round();
            write(disk, round, seed, 1 + random.nextInt(3_000));
            WalFolder found = new WalFolder(folder.resolve("round-" + index), 8_192);
            found.disk = new UnsyncedDisk();
            found.policy = CorruptionPolicy.FAIL; // what a cut leaves is no damage
            disk.materialize(found.directory);
            Replayed replayed = found.replay();
            assertThat(WalFolder.isPartOf(round.acknowledged.tailMap(round.deletedBelow.get()), replayed.entries()))
                    .as(
                            "seed %d: %d acknowledged, found %s",
                            seed, round.acknowledged.size(), replayed.entries().keySet())
                    .isTrue();
            assertThat(replayed.entries().values())
                    .as("seed %d", seed)
                    .allMatch(payload -> round.sent.stream().anyMatch(sent -> Arrays.equals(sent, payload)));
            Replayed again = found.replay();
            assertThat(again.entries().keySet())
                    .as("seed %d", seed)
                    .isEqualTo(replayed.entries().keySet());
            assertThat(again.report().problems())
                    .as("seed %d, second start", seed)
                    .isEmpty();
            assertThat(again.last()).as("seed %d", seed).isEqualTo(replayed.last());
        }
    }

    private void write(PowerCutDisk disk, Round round, long seed, int maxBytes) throws Exception {
        WalSettings settings = WalFolder.settings(
                folder.resolve("wal"), 8_192, Duration.ofMinutes(5), 1 << 20, 1_000, CorruptionPolicy.FAIL);
        try (Wal wal = Wal.open(settings, disk, Clock.systemUTC(), System::nanoTime, new SimpleMeterRegistry())) {
            WalFolder.start(wal);
            List<Thread> writers = new ArrayList<>();
            for (int i = 0; i < WRITERS; i++) {
                Random random = new Random(seed * WRITERS + i);
                writers.add(Thread.ofPlatform().start(() -> writeUntilCut(wal, round, random, maxBytes)));
            }
            for (Thread writer : writers) {
                writer.join();
            }
        } catch (IOException e) {
            assertThat(e).as("seed %d: only power can fail", seed).hasMessageContaining("power is cut");
        }
    }

    private static void writeUntilCut(Wal wal, Round round, Random random, int maxBytes) {
        while (true) {
            byte[] payload = new byte[8 + random.nextInt(maxBytes)];
            random.nextBytes(payload);
            round.sending(payload);
            try {
                SequenceNumber sequence = WalFolder.append(wal, payload).get();
                round.acknowledged.put(sequence.value(), payload);
                if (random.nextInt(4) == 0) {
                    // As if all but the last few were in files.
                    long mark = Math.max(1, sequence.value() - 8);
                    round.deletedBelow.accumulateAndGet(mark, Math::max);
                    wal.deleteBelow(new SequenceNumber(mark));
                }
            } catch (Exception e) {
                return; // power is cut
            }
        }
    }
}
