package io.sluice.benches;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/// Runs benchmarks by name and prints, behind a table for people, a line of JSON for each case (and peer, where there
/// are peers): the median of the iterations.
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
            "write",
            new Bench(
                    WriteBenchmark.class,
                    "rows/s",
                    parameters -> Double.parseDouble(parameters.getOrDefault("rowsPerWrite", "0")))));

    private static final Map<String, Program> PROGRAMS = new TreeMap<>(Map.of(
            "admission",
            new AdmissionComparison(),
            "gate",
            new GateComparison(),
            "ingest",
            new IngestComparison(),
            "overload",
            new OverloadComparison(),
            "replay",
            new ReplayComparison(),
            "persist",
            new PersistComparison(),
            "query",
            new QueryComparison(),
            "s3",
            new S3Comparison(),
            "stream",
            new StreamComparison(),
            "wal",
            new WalComparison()));

    /// Where programs put their files unless told; `benches/run` sets it.
    private static final String DIRECTORY_PROPERTY = "sluice.benches.dir";

    private Benches() {}

    /// `NAME… [--quick] [--only CASE] [--dir FOLDER]`, or `--list`.
    public static void main(String[] arguments) throws RunnerException, IOException, InterruptedException {
        List<String> names = new ArrayList<>();
        boolean quick = false;
        Optional<String> only = Optional.empty();
        Path directory = Path.of(System.getProperty(DIRECTORY_PROPERTY, System.getProperty("java.io.tmpdir")));
        for (int i = 0; i < arguments.length; i++) {
            switch (arguments[i]) {
                case "--list" -> {
                    BENCHES.forEach((name, bench) -> System.out.println(name + "  " + bench.unit()));
                    PROGRAMS.forEach(
                            (name, program) -> System.out.println(name + "  " + String.join(", ", program.cases())));
                    return;
                }
                case "--quick" -> quick = true;
                case "--only" -> {
                    if (i + 1 == arguments.length) {
                        fail("--only needs a case");
                    }
                    only = Optional.of(arguments[++i]);
                }
                case "--dir" -> {
                    if (i + 1 == arguments.length) {
                        fail("--dir needs a folder");
                    }
                    directory = Path.of(arguments[++i]);
                }
                default -> names.add(arguments[i]);
            }
        }
        if (names.isEmpty()) {
            fail("which? one or more of " + known());
        }
        List<String> lines = new ArrayList<>();
        for (String name : names) {
            Program program = PROGRAMS.get(name);
            if (program != null) {
                lines.addAll(run(name, program, new Program.Options(quick, only, directory)));
                continue;
            }
            Bench bench = BENCHES.get(name);
            if (bench == null) {
                fail("there is no benchmark '%s': expected one of %s".formatted(name, known()));
                return;
            }
            for (RunResult result : run(bench, quick)) {
                describe(name, bench, result, only).ifPresent(lines::add);
            }
        }
        lines.forEach(System.out::println);
    }

    private static Set<String> known() {
        Set<String> names = new TreeSet<>(BENCHES.keySet());
        names.addAll(PROGRAMS.keySet());
        return names;
    }

    private static List<String> run(String name, Program program, Program.Options options)
            throws IOException, InterruptedException {
        if (program.cases().stream().noneMatch(options::wants)) {
            fail("%s has no case '%s': expected one of %s"
                    .formatted(name, options.only().orElse(""), program.cases()));
        }
        Files.createDirectories(options.directory());
        List<Comparison> comparisons = program.run(options);
        System.out.print(Comparison.table(comparisons));
        return comparisons.stream().map(Comparison::toJson).toList();
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
        double ours = median * bench.perOperation().units(parameters);
        return Optional.of("{\"bench\":\"%s\",\"case\":\"%s\",\"unit\":\"%s\",\"ours\":%s,\"runs\":%d}"
                .formatted(name, caseName, bench.unit(), String.format(Locale.ROOT, "%.1f", ours), scores.size()));
    }
}
