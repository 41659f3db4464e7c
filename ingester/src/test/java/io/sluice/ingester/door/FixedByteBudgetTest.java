package io.sluice.ingester.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.ingester.door.ByteBudget.Reservation;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

final class FixedByteBudgetTest {
    private final FixedByteBudget budget = new FixedByteBudget(100, "--some-bytes");

    @Test
    void itIsFilledExactlyAndNotOneByteMore() {
        try (Reservation _ = budget.tryReserve(60).orElseThrow()) {
            assertThat(budget.tryReserve(41)).isEmpty();
            try (Reservation _ = budget.tryReserve(40).orElseThrow()) {
                assertThat(budget.usedBytes()).isEqualTo(100);
                assertThat(budget.tryReserve(1)).isEmpty();
                assertThat(budget.tryReserve(0)).isPresent();
            }
            assertThat(budget.usedBytes()).isEqualTo(60);
        }
        assertThat(budget.usedBytes()).isZero();
        assertThat(budget.tryReserve(Long.MAX_VALUE)).isEmpty();
    }

    @Test
    void anotherLimitCountsAtOnceAndTakesNothingBack() {
        try (Reservation _ = budget.tryReserve(80).orElseThrow()) {
            budget.reconfigure(50);
            assertThat(budget.usedBytes()).isEqualTo(80);
            assertThat(budget.tryReserve(1)).isEmpty();
        }
        assertThat(budget.tryReserve(51)).isEmpty();
        budget.reconfigure(200);
        try (Reservation _ = budget.tryReserve(200).orElseThrow()) {
            assertThat(budget.describeLimit()).startsWith("200 of 200 bytes");
        }
        assertThatThrownBy(() -> budget.reconfigure(0)).isInstanceOf(IllegalArgumentException.class);
        assertThat(budget.usedBytes()).isZero();
    }

    @Test
    void whatIsGivenBackTwiceCountsOnce() {
        Reservation kept = budget.tryReserve(10).orElseThrow();
        Reservation closedTwice = budget.tryReserve(20).orElseThrow();
        closedTwice.close();
        closedTwice.close();
        assertThat(budget.usedBytes()).isEqualTo(10);
        kept.close();
    }

    @Test
    void aRefusalSaysLimitUseAndOption() {
        try (Reservation _ = budget.tryReserve(30).orElseThrow()) {
            assertThat(budget.describeLimit()).isEqualTo("30 of 100 bytes of requests are held (--some-bytes)");
        }
    }

    @Test
    void nonsenseIsRefused() {
        assertThatThrownBy(() -> budget.tryReserve(-1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new FixedByteBudget(0, "--some-bytes")).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void manyThreadsNeverHoldMoreThanTheLimitAndLeaveNothing() throws Exception {
        AtomicLong held = new AtomicLong();
        List<Callable<Long>> users = new ArrayList<>();
        for (int user = 0; user < 4; user++) {
            Random random = new Random(user);
            users.add(() -> {
                long most = 0;
                for (int round = 0; round < 20_000; round++) {
                    int bytes = 1 + random.nextInt(60);
                    Optional<Reservation> reserved = budget.tryReserve(bytes);
                    while (reserved.isEmpty()) {
                        Thread.onSpinWait(); // whoever has the room may be without a processor just now
                        reserved = budget.tryReserve(bytes);
                    }
                    most = Math.max(most, held.addAndGet(bytes));
                    held.addAndGet(-bytes);
                    reserved.get().close();
                }
                return most;
            });
        }
        try (ExecutorService executor = Executors.newFixedThreadPool(4)) {
            for (Future<Long> most : executor.invokeAll(users)) {
                assertThat(most.get()).isPositive().isLessThanOrEqualTo(100);
            }
        }
        assertThat(budget.usedBytes()).isZero();
    }
}
