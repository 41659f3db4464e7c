package io.sluice.persist.parquet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class EncodeHelpersTest {
    @Test
    void eachTaskRunsOnceWhoeverHelps() throws Exception {
        var helpers = new EncodeHelpers(3);
        for (int round = 0; round < 300; round++) {
            if (round == 100) {
                helpers.start(Thread.ofPlatform().factory());
            } else if (round == 250) {
                helpers.stop();
            }
            var runs = new AtomicIntegerArray(round % 20);
            helpers.run(runs.length(), runs::incrementAndGet);
            for (int task = 0; task < runs.length(); task++) {
                assertThat(runs.get(task)).as("round %d, task %d", round, task).isOne();
            }
        }
    }

    /// Each of three tasks waits for the other two.
    @Test
    void tasksRunAtTheSameTime() throws Exception {
        var helpers = new EncodeHelpers(2);
        helpers.start(Thread.ofPlatform().factory());
        var all = new CyclicBarrier(3);
        Set<Thread> threads = ConcurrentHashMap.newKeySet();
        helpers.run(3, _ -> {
            threads.add(Thread.currentThread());
            all.await();
        });
        assertThat(threads).hasSize(3).contains(Thread.currentThread());
        helpers.stop();
    }

    @Test
    void whoAsksDoesAllTheWorkIfEverybodyElseIsBusy() throws Exception {
        var helpers = new EncodeHelpers(1);
        helpers.start(Thread.ofPlatform().factory());
        var isBusy = new CountDownLatch(2);
        var isDone = new CountDownLatch(1);
        var other = Thread.ofPlatform().start(() -> {
            try {
                helpers.run(2, _ -> {
                    isBusy.countDown();
                    isDone.await();
                });
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        });
        isBusy.await();
        var count = new AtomicInteger();
        helpers.run(100, _ -> {
            assertThat(Thread.currentThread()).isNotSameAs(other);
            count.incrementAndGet();
        });
        assertThat(count).hasValue(100);
        isDone.countDown();
        other.join();
        helpers.stop();
    }

    @Test
    void theFirstFailureIsThrownWhenNobodyWorksAnyMore() {
        var helpers = new EncodeHelpers(2);
        helpers.start(Thread.ofPlatform().factory());
        for (int round = 0; round < 200; round++) {
            int failing = round % 10;
            var working = new AtomicInteger();
            assertThatThrownBy(() -> helpers.run(10, task -> {
                        working.incrementAndGet();
                        try {
                            if (task == failing) {
                                throw new IOException("no room");
                            }
                        } finally {
                            working.decrementAndGet();
                        }
                    }))
                    .isInstanceOf(IOException.class)
                    .hasMessage("no room");
            assertThat(working).hasValue(0);
        }
        helpers.stop();
    }

    @Test
    void anErrorIsThrownAsItIs() {
        var error = new OutOfMemoryError("made up");
        assertThatThrownBy(() -> EncodeHelpers.NONE.run(1, _ -> {
                    throw error;
                }))
                .isSameAs(error);
    }
}
