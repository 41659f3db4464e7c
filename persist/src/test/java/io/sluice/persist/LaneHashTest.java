package io.sluice.persist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.model.PartitionId;
import io.sluice.model.PartitionKey;
import io.sluice.model.TableId;
import java.util.Random;
import org.junit.jupiter.api.Test;

class LaneHashTest {
    /// Computed with another implementation of the paper's algorithm, in Python.
    @Test
    void bucketsAreThoseOfThePaper() {
        int[] expected = {0, 55, 62, 8, 45, 59, 86, 97, 82, 59, 73, 37, 17, 56, 86, 21, 90, 37, 38, 83};
        for (int key = 0; key < expected.length; key++) {
            assertThat(LaneHash.bucket(key, 100)).as("key %d", key).isEqualTo(expected[key]);
        }
        assertThat(LaneHash.bucket(10863919174838991L, 11)).isEqualTo(6);
        assertThat(LaneHash.bucket(2016238256797177309L, 11)).isEqualTo(3);
        assertThat(LaneHash.bucket(1673758223894951030L, 11)).isEqualTo(5);
    }

    /// Computed with another implementation, in Python. If this fails, partitions change lanes with the next
    /// version.
    @Test
    void hashesAreTheSameInEveryRun() {
        assertThat(LaneHash.hash(partition(1, "2026-11-21"))).isEqualTo(0x5d29a9d98e19847dL);
        assertThat(LaneHash.hash(partition(2, "2026-11-21"))).isEqualTo(0x944e387a1bccbfcbL);
        assertThat(LaneHash.hash(partition(1, "Zürich"))).isEqualTo(0x10ab637e19f3c127L);
    }

    @Test
    void oneMoreLaneMovesItsShareAndOnlyToItself() {
        int partitions = 20_000;
        for (int lanes = 1; lanes < 40; lanes++) {
            int moved = 0;
            for (int i = 0; i < partitions; i++) {
                var partition = partition(1 + i % 50, "day-" + i / 50);
                int before = LaneHash.lane(partition, lanes);
                int after = LaneHash.lane(partition, lanes + 1);
                if (before != after) {
                    moved++;
                    assertThat(after)
                            .as("%s from lane %d of %d", partition, before, lanes)
                            .isEqualTo(lanes);
                }
            }
            double share = (double) partitions / (lanes + 1);
            assertThat((double) moved).as("moved of %d lanes", lanes).isBetween(0.85 * share, 1.15 * share);
        }
    }

    @Test
    void lanesGetEqualShares() {
        int lanes = 32;
        int[] jobs = new int[lanes];
        for (int table = 1; table <= 100; table++) {
            for (int day = 0; day < 320; day++) {
                jobs[LaneHash.lane(partition(table, "2026-%03d".formatted(day)), lanes)]++;
            }
        }
        for (int lane = 0; lane < lanes; lane++) {
            // 1000 expected; 5 standard deviations of a fair throw are 156.
            assertThat(jobs[lane]).as("lane %d", lane).isBetween(844, 1156);
        }
    }

    @Test
    void everyKeyHasABucketInRange() {
        long seed = 7;
        var random = new Random(seed);
        for (int i = 0; i < 100_000; i++) {
            int buckets = 1 + random.nextInt(5_000);
            assertThat(LaneHash.bucket(random.nextLong(), buckets))
                    .as("seed %d, round %d", seed, i)
                    .isBetween(0, buckets - 1);
        }
        assertThat(LaneHash.bucket(-1, 1)).isZero();
        assertThat(LaneHash.bucket(Long.MIN_VALUE, 1)).isZero();
    }

    @Test
    void noBucketsAreRefused() {
        assertThatThrownBy(() -> LaneHash.bucket(1, 0)).hasMessageContaining("0");
    }

    private static PartitionId partition(long table, String key) {
        return new PartitionId(new TableId(table), new PartitionKey(key));
    }
}
