package io.sluice.benches;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.benches.Comparison.Better;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ComparisonTest {
    private final Locale before = Locale.getDefault();

    @AfterEach
    void restoreLocale() {
        Locale.setDefault(before);
    }

    @Test
    void aHigherRateIsARatioAboveOne() {
        assertThat(of(Better.HIGHER, List.of(30.0), List.of(10.0)).ratio()).isEqualTo(3);
        assertThat(of(Better.HIGHER, List.of(10.0), List.of(40.0)).ratio()).isEqualTo(0.25);
    }

    @Test
    void aShorterTimeIsARatioAboveOne() {
        assertThat(of(Better.LOWER, List.of(10.0), List.of(30.0)).ratio()).isEqualTo(3);
        assertThat(of(Better.LOWER, List.of(40.0), List.of(10.0)).ratio()).isEqualTo(0.25);
    }

    @Test
    void theRatioIsThatOfTheMedians() {
        Comparison comparison = of(Better.HIGHER, List.of(900.0, 20.0, 1.0), List.of(10.0, 5.0, 700.0));

        assertThat(comparison.oursMedian()).isEqualTo(20);
        assertThat(comparison.theirsMedian()).isEqualTo(10);
        assertThat(comparison.ratio()).isEqualTo(2);
    }

    @Test
    void theMedianOfAnEvenNumberIsTheMeanOfTheMiddleTwo() {
        assertThat(Comparison.median(List.of(8.0, 1.0, 100.0, 2.0))).isEqualTo(5);
    }

    @Test
    void theJsonLineIsTheOneOfTheDesignWhateverTheLocale() {
        Locale.setDefault(Locale.GERMANY);

        Comparison comparison = new Comparison(
                "wal", "p256-1KiB", "writes/s", Better.HIGHER, List.of(250_000.0), "rocksdb", List.of(69_000.4));

        assertThat(comparison.toJson())
                .isEqualTo("{\"bench\":\"wal\",\"case\":\"p256-1KiB\",\"unit\":\"writes/s\",\"ours\":250000,"
                        + "\"peer\":\"rocksdb\",\"theirs\":69000,\"ratio\":3.623,\"runs\":1}");
    }

    @Test
    void smallFiguresKeepTheirDigits() {
        Comparison comparison =
                new Comparison("wal", "cpu", "s/GB", Better.LOWER, List.of(0.4312), "naive", List.of(59.26));

        assertThat(comparison.toJson()).contains("\"ours\":0.431,").contains("\"theirs\":59.3,");
    }

    @Test
    void everyComparisonHasALineInTheTableBelowTheHeading() {
        List<Comparison> comparisons = List.of(
                of(Better.HIGHER, List.of(30.0), List.of(10.0)), of(Better.HIGHER, List.of(10.0), List.of(10.0)));

        assertThat(Comparison.table(comparisons).lines()).hasSize(3).satisfies(lines -> {
            assertThat(lines.get(0)).startsWith("case").endsWith("ratio");
            assertThat(lines.get(1)).startsWith("case-1").endsWith("3.00");
            assertThat(lines.get(2)).startsWith("case-1").endsWith("1.00");
        });
    }

    @Test
    void runsWithoutACounterpartAreRefused() {
        assertThatThrownBy(() -> of(Better.HIGHER, List.of(1.0, 2.0), List.of(1.0)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("case-1, peer-1: expected as many runs of each, found 2 and 1");
        assertThatThrownBy(() -> of(Better.HIGHER, List.of(), List.of())).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void figuresThatGiveNoRatioAreRefused() {
        for (double figure : new double[] {0, -1, Double.NaN, Double.POSITIVE_INFINITY}) {
            assertThatThrownBy(() -> of(Better.HIGHER, List.of(1.0), List.of(figure)))
                    .as("%f", figure)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("expected figures above zero");
        }
    }

    private static Comparison of(Better better, List<Double> ours, List<Double> theirs) {
        return new Comparison("bench-1", "case-1", "unit-1", better, ours, "peer-1", theirs);
    }
}
