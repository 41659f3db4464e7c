package io.sluice.benches;

import io.sluice.benches.Comparison.Better;
import io.sluice.persist.GateTimeout.Mode;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongFunction;

/// The persist gate before 100 hot partitions in a simulated hour ([SimulatedHour]), next to an ideal queue (`ideal`),
/// which serves whoever came first and which nobody leaves. Nothing of it depends on this machine.
///
/// `p99`: how long all but one in a hundred wait at most; `p99-median`: with timeouts of the median, whatever the
/// place,
/// of which there are some 100,000 in the hour. `order`, `order-median`: grants to the one who came first. `torment`:
/// of
/// the jobs that come during a million random timeouts, interrupts and changes of limits ([GateTorment]), those that
/// get
/// in; the ideal queue lets all in.
final class GateComparison implements Program {
    private static final String BENCH = "gate";
    private static final String PEER = "ideal";
    private static final int RUNS = 5;
    private static final int QUICK_RUNS = 3;
    private static final long TORMENTS = 1_000_000;

    private static final String P99 = "p99";
    private static final String P99_MEDIAN = "p99-median";
    private static final String ORDER = "order";
    private static final String ORDER_MEDIAN = "order-median";
    private static final String TORMENT = "torment";

    @Override
    public List<String> cases() {
        return List.of(P99, P99_MEDIAN, ORDER, ORDER_MEDIAN, TORMENT);
    }

    @Override
    public List<Comparison> run(Options options) {
        int runs = options.quick() ? QUICK_RUNS : RUNS;
        List<Comparison> comparisons = new ArrayList<>();
        for (String name : cases()) {
            if (options.wants(name)) {
                System.err.println(BENCH + ": " + name);
                comparisons.add(compare(name, runs));
            }
        }
        return comparisons;
    }

    private static Comparison compare(String name, int runs) {
        return switch (name) {
            case P99 -> waits(name, Mode.POSITION, runs);
            case P99_MEDIAN -> waits(name, Mode.MEDIAN, runs);
            case ORDER -> order(name, Mode.POSITION, runs);
            case ORDER_MEDIAN -> order(name, Mode.MEDIAN, runs);
            case TORMENT -> torment(name, runs);
            default -> throw new IllegalArgumentException("no case " + name);
        };
    }

    private static Comparison waits(String name, Mode mode, int runs) {
        return new Comparison(
                BENCH,
                name,
                "s",
                Better.LOWER,
                each(runs, seed -> SimulatedHour.ofGate(seed, mode).p99WaitSeconds()),
                PEER,
                each(runs, seed -> SimulatedHour.ofIdeal(seed).p99WaitSeconds()));
    }

    private static Comparison order(String name, Mode mode, int runs) {
        return new Comparison(
                BENCH,
                name,
                "%",
                Better.HIGHER,
                each(runs, seed -> {
                    var hour = SimulatedHour.ofGate(seed, mode);
                    System.err.printf(
                            "%s: %d grants, %d of them in order, %d timeouts%n",
                            BENCH, hour.grants(), hour.inOrder(), hour.timeouts());
                    return percent(hour.inOrder(), hour.grants());
                }),
                PEER,
                each(runs, seed -> {
                    var hour = SimulatedHour.ofIdeal(seed);
                    return percent(hour.inOrder(), hour.grants());
                }));
    }

    private static Comparison torment(String name, int runs) {
        List<Double> granted = new ArrayList<>();
        List<Double> drawn = new ArrayList<>();
        for (int seed = 1; seed <= runs; seed++) {
            var result = GateTorment.run(seed, TORMENTS);
            if (result.granted() < result.drawn()) {
                System.err.printf("%s: WEDGED with seed %d: %s%n", BENCH, seed, result);
            }
            granted.add((double) result.granted());
            drawn.add((double) result.drawn());
        }
        return new Comparison(BENCH, name, "grants", Better.HIGHER, granted, PEER, drawn);
    }

    private static List<Double> each(int runs, LongFunction<Double> run) {
        List<Double> figures = new ArrayList<>();
        for (long seed = 1; seed <= runs; seed++) {
            figures.add(run.apply(seed));
        }
        return figures;
    }

    private static double percent(long part, long whole) {
        return 100.0 * part / whole;
    }
}
