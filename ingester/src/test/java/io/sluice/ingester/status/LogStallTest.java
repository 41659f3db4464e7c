package io.sluice.ingester.status;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

final class LogStallTest {
    private final AtomicReference<Duration> waiting = new AtomicReference<>(Duration.ZERO);
    private final LogStall stall = new LogStall(Path.of("/data/wal"), () -> Duration.ofSeconds(10), waiting::get);
    private final ListAppender<ILoggingEvent> logged = new ListAppender<>();

    private static Logger logger() {
        return (Logger) LoggerFactory.getLogger(LogStall.class);
    }

    @BeforeEach
    void listen() {
        logged.start();
        logger().addAppender(logged);
    }

    @AfterEach
    void stopListening() {
        logger().detachAppender(logged);
    }

    private boolean observe(Duration waitedFor) {
        waiting.set(waitedFor);
        return stall.observe();
    }

    private List<Level> levels() {
        return logged.list.stream().map(ILoggingEvent::getLevel).toList();
    }

    @Test
    void whatTakesLessThanTheLimitIsNoStall() {
        assertThat(observe(Duration.ofMillis(9_999))).isFalse();
        assertThat(stall.reason()).isEmpty();
        assertThat(logged.list).isEmpty();
    }

    @Test
    void aStallIsToldInWordsAsLongAsItLasts() {
        waiting.set(Duration.ofMillis(12_700));
        assertThat(stall.reason())
                .contains(
                        "the log's write to the disk of /data/wal has taken 12 s; the limit is 10 s (--wal-stall-timeout)");
        waiting.set(Duration.ZERO);
        assertThat(stall.reason()).isEmpty();
    }

    @Test
    void itsBeginIsWarnedOfOnceAndItsEndIsToldOnce() {
        assertThat(observe(Duration.ofSeconds(10))).isTrue();
        assertThat(observe(Duration.ofSeconds(11))).isTrue();
        assertThat(observe(Duration.ofSeconds(14))).isTrue();
        assertThat(levels()).containsExactly(Level.WARN);
        assertThat(observe(Duration.ofMillis(3))).isFalse();
        assertThat(observe(Duration.ZERO)).isFalse();
        assertThat(levels()).containsExactly(Level.WARN, Level.INFO);
        assertThat(logged.list.getLast().getFormattedMessage()).contains("/data/wal", "14 s");
        assertThat(observe(Duration.ofSeconds(20))).as("the next one").isTrue();
        assertThat(levels()).containsExactly(Level.WARN, Level.INFO, Level.WARN);
    }
}
