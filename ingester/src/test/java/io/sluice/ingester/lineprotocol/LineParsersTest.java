package io.sluice.ingester.lineprotocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.door.DecodedRows;
import io.sluice.ingester.door.WriteDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class LineParsersTest {
    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final LineParsers parsers = new LineParsers(Samples.ARBITRARY_SEED, 2, 1 << 20, metrics);

    @Test
    void oneBodyAfterAnotherIsReadByTheSameParser() {
        assertThat(parse(body(0)).rows()).isEqualTo(100);
        assertThat(rows("known")).isZero();
        assertThat(rows("new")).isEqualTo(100);

        assertThat(parse(body(1) + "bad\n").rows()).isEqualTo(100);
        assertThat(rows("known")).isEqualTo(99);
        assertThat(rows("new")).isEqualTo(101);
    }

    @Test
    void aParserIsUsedAgainAfterABodyThatCouldNotBeRead() {
        ParseOptions failing = Samples.options(Precision.NS, table -> {
            throw new IllegalStateException("no catalog");
        });
        byte[] bytes = body(0).getBytes(StandardCharsets.UTF_8);
        for (int i = 0; i < 3; i++) {
            assertThat(parse(body(i)).rows()).isEqualTo(100);
            assertThatThrownBy(() -> parsers.parse(bytes, 0, bytes.length, failing))
                    .hasMessage("no catalog");
        }
        assertThat(rows("known")).isEqualTo(2 * 99);
    }

    @Test
    void bodiesThatAreReadAtOnceDoNotMeet() throws Exception {
        List<Callable<Boolean>> readers = new ArrayList<>();
        for (int reader = 0; reader < 8; reader++) {
            int first = 10 * reader;
            readers.add(() -> {
                for (int i = first; i < first + 200; i++) {
                    var rows = DecodedRows.of(
                            WriteDecoder.decode(parse(body(i)).request().orElseThrow()));
                    long time = i;
                    if (!rows.getOrDefault("m", List.of()).stream()
                            .map(row -> row.get("time"))
                            .toList()
                            .equals(Collections.nCopies(100, time))) {
                        return false;
                    }
                }
                return true;
            });
        }
        try (var threads = Executors.newFixedThreadPool(8)) {
            for (Future<Boolean> right : threads.invokeAll(readers)) {
                assertThat(right.get()).isTrue();
            }
        }
        assertThat(rows("known") + rows("new")).isEqualTo(8 * 200 * 100);
    }

    private double rows(String series) {
        return metrics.get("sluice.lines").tag("series", series).counter().count();
    }

    private ParsedLines parse(String body) {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        return parsers.parse(bytes, 0, bytes.length, Samples.options());
    }

    private static String body(int time) {
        return IntStream.range(0, 100)
                .mapToObj(i -> "m,host=h%d,dc=d%d v=%di %d\n".formatted(i, i % 3, time, time))
                .collect(Collectors.joining());
    }
}
