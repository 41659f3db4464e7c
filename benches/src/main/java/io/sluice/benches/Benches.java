package io.sluice.benches;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/// Runs benchmarks by name and prints, behind JMH's table, a line of JSON for each case: the median of the iterations.
public final class Benches {
    private static final int RUNS = 5;
    private static final int QUICK_RUNS = 3;

    /// A benchmark that can be named.
    ///
    /// @param perOperation what one operation is worth, by the case's parameters
    private record Bench(Class<?> type, String unit, PerOperation perOperation) {}

    @FunctionalInterface
    private interface PerOperation {
        double units(Map<String, String> parameters);
    }

    private static final Map<String, Bench> BENCHES = new TreeMap<>(Map.of(
            "replay",
            new Bench(
                    WalReplayBenchmark.class,
                    "MB/s",
                    parameters -> Double.parseDouble(parameters.getOrDefault("logBytes", "0")) / 1e6),
            "write",
            new Bench(
                    WriteBenchmark.class,
                    "rows/s",
                    parameters -> Double.parseDouble(parameters.getOrDefault("rowsPerWrite", "0")))));

    private Benches() {}

    /// `NAME… [--quick] [--only CASE]`, or `--list`.
    public static void main(String[] arguments) throws RunnerException {
        List<String> names = new ArrayList<>();
        boolean quick = false;
        Optional<String> only = Optional.empty();
        for (int i = 0; i < arguments.length; i++) {
            switch (arguments[i]) {
                case "--list" -> {
                    BENCHES.forEach((name, bench) -> System.out.println(name + "  " + bench.unit()));
                    return;
                }
                case "--quick" -> quick = true;
                case "--only" -> {
                    if (i + 1 == arguments.length) {
                        fail("--only needs a case");
                    }
                    only = Optional.of(arguments[++i]);
                }
                default -> names.add(arguments[i]);
            }
        }
        if (names.isEmpty()) {
            fail("which? one or more of " + BENCHES.keySet());
        }
        List<String> lines = new ArrayList<>();
        for (String name : names) {
            Bench bench = BENCHES.get(name);
            if (bench == null) {
                fail("there is no benchmark '%s': expected one of %s".formatted(name, BENCHES.keySet()));
                return;
            }
            for (RunResult result : run(bench, quick)) {
                describe(name, bench, result, only).ifPresent(lines::add);
            }
        }
        lines.forEach(System.out::println);
    }

    private static void fail(String message) {
        System.err.println("benches: " + message);
        System.exit(2);
    }

    private static Collection<RunResult> run(Bench bench, boolean quick) throws RunnerException {
        TimeValue iteration = TimeValue.seconds(quick ? 2 : 5);
        ChainedOptionsBuilder options = new OptionsBuilder()
                .include(bench.type().getName())
                .forks(1)
                .warmupIterations(quick ? 1 : 2)
                .warmupTime(iteration)
                .measurementIterations(quick ? QUICK_RUNS : RUNS)
                .measurementTime(iteration);
        if (quick && bench.type() == WalReplayBenchmark.class) {
            options.param("logBytes", Long.toString(64L << 20));
        }
        return new Runner(options.build()).run();
    }

    private static Optional<String> describe(String name, Bench bench, RunResult result, Optional<String> only) {
        Map<String, String> parameters = new TreeMap<>();
        for (String key : result.getParams().getParamsKeys()) {
            parameters.put(key, result.getParams().getParam(key));
        }
        String method = result.getPrimaryResult().getLabel();
        String caseName = method + "-" + parameters.getOrDefault("rowsPerWrite", "") + "rows";
        if (only.isPresent() && !only.get().equals(caseName)) {
            return Optional.empty();
        }
        List<Double> scores = result.getAggregatedResult().getIterationResults().stream()
                .map(iteration -> iteration.getPrimaryResult().getScore())
                .sorted()
                .collect(Collectors.toList());
        double median = scores.get(scores.size() / 2);
        boolean isTime = bench.type() == WalReplayBenchmark.class;
        double ours = isTime
                ? bench.perOperation().units(parameters) / median
                : median * bench.perOperation().units(parameters);
        return Optional.of("{\"bench\":\"%s\",\"case\":\"%s\",\"unit\":\"%s\",\"ours\":%s,\"runs\":%d}"
                .formatted(name, caseName, bench.unit(), String.format(Locale.ROOT, "%.1f", ours), scores.size()));
    }
}
