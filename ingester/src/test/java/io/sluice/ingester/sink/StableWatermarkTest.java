package io.sluice.ingester.sink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.ingester.sink.StableWatermark.Registration;
import io.sluice.ingester.sink.StableWatermark.StableListener;
import io.sluice.model.SequenceNumber;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;

/// Invariant 1: who hears that a number is stable finds it so; each hears once.
final class StableWatermarkTest {
    private final StableWatermark stable = new StableWatermark();
    private final List<String> heard = Collections.synchronizedList(new ArrayList<>());

    private static SequenceNumber number(long value) {
        return new SequenceNumber(value);
    }

    private final class Noting implements StableListener {
        private final String name;

        Noting(String name) {
            this.name = name;
        }

        @Override
        public void stable() {
            heard.add(name + " at " + stable.stable());
        }

        @Override
        public void failed(IOException cause) {
            heard.add(name + " " + cause.getMessage());
        }
    }

    @Test
    void theMarkDoesNotGoBack() {
        stable.publish(number(5));
        assertThatThrownBy(() -> stable.publish(number(4)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("5")
                .hasMessageContaining("4");
        assertThat(stable.stable().value()).isEqualTo(5);
    }

    @Test
    void aNumberThatIsStableIsToldAtOnce() {
        stable.publish(number(5));
        var _ = stable.onStable(number(5), new Noting("five"));
        var _ = stable.onStable(number(2), new Noting("two"));
        assertThat(heard).containsExactly("five at 5", "two at 5");
    }

    @Test
    void aJumpTellsAllBelowItInOrderAndNobodyElse() {
        var _ = stable.onStable(number(3), new Noting("three"));
        var _ = stable.onStable(number(1), new Noting("one"));
        var _ = stable.onStable(number(4), new Noting("four"));
        stable.publish(number(3));
        assertThat(heard).containsExactly("one at 3", "three at 3");
        stable.publish(number(3));
        assertThat(heard).hasSize(2);
        stable.publish(number(9));
        assertThat(heard).hasSize(3).last().isEqualTo("four at 9");
    }

    @Test
    void whoClosesItsRegistrationHearsNothing() {
        Registration registration = stable.onStable(number(3), new Noting("three"));
        registration.close();
        registration.close();
        stable.publish(number(3));
        assertThat(heard).isEmpty();
    }

    @Test
    void aFailureIsToldToAllWhoWaitAndToAllWhoComeForWhatIsNotStable() {
        stable.publish(number(2));
        var _ = stable.onStable(number(3), new Noting("three"));
        stable.fail(new IOException("failed"));
        stable.fail(new IOException("failed again"));
        var _ = stable.onStable(number(4), new Noting("four"));
        var _ = stable.onStable(number(2), new Noting("two"));
        assertThat(heard).containsExactly("three failed", "four failed", "two at 2");
    }

    @Test
    void aListenerThatThrowsKeepsNobodyFromHearing() {
        var _ = stable.onStable(number(1), new StableListener() {
            @Override
            public void stable() {
                throw new IllegalStateException("made to throw");
            }

            @Override
            public void failed(IOException cause) {
                throw new IllegalStateException("made to throw");
            }
        });
        var _ = stable.onStable(number(2), new Noting("two"));
        stable.publish(number(2));
        assertThat(heard).containsExactly("two at 2");
    }

    /// Subscribing races publishing: nobody is forgotten, nobody hears twice, nobody hears too early.
    @Test
    void everybodyHearsOnceWhateverTheOrder() throws Exception {
        int numbers = 20_000;
        int subscribers = 3;
        AtomicIntegerArray calls = new AtomicIntegerArray(numbers * subscribers);
        CountDownLatch told = new CountDownLatch(numbers * subscribers);
        AtomicIntegerArray tooEarly = new AtomicIntegerArray(1);
        try (ExecutorService threads = Executors.newFixedThreadPool(subscribers)) {
            List<Future<?>> done = new ArrayList<>();
            for (int s = 0; s < subscribers; s++) {
                int base = s * numbers;
                done.add(threads.submit(() -> {
                    for (int i = 0; i < numbers; i++) {
                        int index = base + i;
                        long awaited =
                                Math.max(1, i + ThreadLocalRandom.current().nextInt(-5, 6));
                        var _ = stable.onStable(number(awaited), new StableListener() {
                            @Override
                            public void stable() {
                                if (number(awaited).isAfter(stable.stable())) {
                                    tooEarly.incrementAndGet(0);
                                }
                                calls.incrementAndGet(index);
                                told.countDown();
                            }

                            @Override
                            public void failed(IOException cause) {
                                throw new AssertionError(cause);
                            }
                        });
                    }
                }));
            }
            for (int i = 1; i <= numbers + 5; i++) {
                stable.publish(number(i));
            }
            for (Future<?> one : done) {
                one.get();
            }
        }
        told.await();
        assertThat(tooEarly.get(0)).isZero();
        for (int i = 0; i < calls.length(); i++) {
            assertThat(calls.get(i)).isEqualTo(1);
        }
    }
}
