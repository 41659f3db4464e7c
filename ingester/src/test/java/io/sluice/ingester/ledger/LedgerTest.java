package io.sluice.ingester.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.Test;

final class LedgerTest {
    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final Map<Account, AtomicLong> held = new EnumMap<>(Account.class);
    private final Ledger ledger;

    LedgerTest() {
        Map<Account, LongSupplier> accounts = new EnumMap<>(Account.class);
        for (Account account : Account.values()) {
            AtomicLong bytes = new AtomicLong();
            held.put(account, bytes);
            accounts.put(account, bytes::get);
        }
        this.ledger = new Ledger(new LedgerLimits(1_000, 400, 100), accounts, metrics);
    }

    private void hold(Account account, long bytes) {
        held.getOrDefault(account, new AtomicLong()).set(bytes);
    }

    @Test
    void everyAccountCountsExceptThoseWithRoomOfTheirOwn() {
        for (Account account : Account.values()) {
            hold(account, 10);
        }
        assertThat(ledger.heldBytes()).isEqualTo(10L * (Account.values().length - 2));
        assertThat(ledger.rowsBytes()).isEqualTo(20);
        hold(Account.PERSISTING, 1_000_000);
        hold(Account.ARRIVING, 1_000_000);
        assertThat(ledger.observe()).isEqualTo(Mark.CALM);
        assertThat(ledger.stats().heldBytes()).containsEntry(Account.PERSISTING, 1_000_000L);
    }

    @Test
    void theNearerOfTheTwoLimitsCounts() {
        hold(Account.FILLING, 100);
        hold(Account.FROZEN, 200);
        assertThat(ledger.share()).as("rows, of 400").isEqualTo(0.75);
        hold(Account.QUERIES, 600);
        assertThat(ledger.share()).as("all, of 1,000").isEqualTo(0.9);
    }

    @Test
    void marksAreReachedAtTheirShareAndLeftBelowIt() {
        record Step(long bytes, Mark expected) {}
        Step[] steps = {
            new Step(699, Mark.CALM),
            new Step(700, Mark.PERSIST),
            new Step(849, Mark.PERSIST),
            new Step(699, Mark.CALM),
            new Step(850, Mark.PRESS),
            new Step(800, Mark.PRESS),
            new Step(799, Mark.PERSIST),
            new Step(849, Mark.PERSIST),
            new Step(999, Mark.PRESS),
            new Step(1_000, Mark.FULL),
            new Step(900, Mark.FULL),
            new Step(899, Mark.PRESS),
            new Step(999, Mark.PRESS),
            new Step(5_000, Mark.FULL),
            new Step(0, Mark.CALM),
        };
        for (Step step : steps) {
            hold(Account.REQUESTS, step.bytes());
            assertThat(ledger.observe()).as("%d bytes", step.bytes()).isEqualTo(step.expected());
            assertThat(ledger.mark()).isEqualTo(step.expected());
            for (Mark mark : Mark.values()) {
                double told = metrics.get("sluice.memory.mark")
                        .tag("mark", mark.name())
                        .gauge()
                        .value();
                assertThat(told).as("%s is told", mark).isEqualTo(mark == step.expected() ? 1 : 0);
            }
        }
    }

    @Test
    void rowsHaveTheRoomThatOthersLeaveThem() {
        assertThat(ledger.rowsRoomBytes()).isEqualTo(400);
        hold(Account.FILLING, 399);
        assertThat(ledger.rowsRoomBytes())
                .as("what they hold themselves takes nothing")
                .isEqualTo(400);
        hold(Account.QUERIES, 700);
        assertThat(ledger.rowsRoomBytes()).isEqualTo(300);
        hold(Account.BODIES, 10_000);
        assertThat(ledger.rowsRoomBytes()).isZero();
    }

    @Test
    void otherLimitsHoldAtOnce() {
        hold(Account.FILLING, 300);
        assertThat(ledger.observe()).isEqualTo(Mark.PERSIST);
        ledger.reconfigure(new LedgerLimits(1_000, 300, 100));
        assertThat(ledger.observe()).isEqualTo(Mark.FULL);
        assertThat(metrics.get("sluice.memory.limit.bytes")
                        .tag("of", "rows")
                        .gauge()
                        .value())
                .isEqualTo(300);
        ledger.reconfigure(new LedgerLimits(1_000, 1_000, 100));
        assertThat(ledger.observe()).isEqualTo(Mark.CALM);
    }

    @Test
    void limitsThatContradictAreRefused() {
        assertThatThrownBy(() -> new LedgerLimits(100, 101, 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("rows may take 101 bytes: expected at most the 100 of all");
        assertThatThrownBy(() -> new LedgerLimits(100, 0, 1)).hasMessageContaining("positive");
        assertThatThrownBy(() -> new LedgerLimits(100, 1, 0)).hasMessageContaining("positive");
    }

    @Test
    void inWordsItTellsTheNearestLimitAndWhoHoldsWhat() {
        hold(Account.FROZEN, 390);
        hold(Account.QUERIES, 5);
        assertThat(ledger.stats().inWords())
                .isEqualTo("rows hold 390 bytes of 400 (--buffer-bytes): frozen 390, queries 5");
        hold(Account.QUERIES, 700);
        assertThat(ledger.stats().inWords())
                .isEqualTo("1090 bytes of 1000 are held (--memory): frozen 390, queries 700");
    }

    @Test
    void eachAccountIsAMetric() {
        hold(Account.WAITING, 7);
        assertThat(metrics.get("sluice.memory.bytes")
                        .tag("account", "waiting")
                        .gauge()
                        .value())
                .isEqualTo(7);
    }
}
