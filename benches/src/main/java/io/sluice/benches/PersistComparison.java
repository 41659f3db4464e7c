package io.sluice.benches;

import io.sluice.benches.Comparison.Better;
import io.sluice.model.ColumnType;
import io.sluice.model.SortKey;
import io.sluice.rows.RowBatch;
import io.sluice.rows.merge.SortKeys;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.ToDoubleFunction;
import org.apache.arrow.memory.RootAllocator;

/// Frozen rows in memory to a sorted and merged Parquet file (zstd, level 1) on the local disk, beside DuckDB's `COPY`
/// from a table in memory (`duckdb`): seconds. Then DuckDB finds no row that is in one of the two files alone.
///
/// - `P-1core`, `P-2cores`: 5 M rows of TSBS's cpu-only table in the order of their times, 5 % of them written twice,
///   with so many threads for each. `P-size`: the file's MB. `P-memory`: MB that it takes over the rows themselves, of
///   ours all that was on the heap at once, garbage included, of DuckDB the growth of the process.
/// - Others, on one core: `strings`, `floats`, `nulls` (half of all values), `200-fields`, `1M-series` of 5 rows,
///   `1-series`, `sorted` (rows come in the file's order).
final class PersistComparison implements Program {
    private static final String BENCH = "persist";
    private static final String PEER = "duckdb";
    private static final String ONE_CORE = "P-1core";
    private static final String TWO_CORES = "P-2cores";
    private static final String SIZE = "P-size";
    private static final String MEMORY = "P-memory";

    private static final int RUNS = 3;
    private static final int HOSTS = 4_000;

    @Override
    public List<String> cases() {
        List<String> names = new ArrayList<>(List.of(ONE_CORE, SIZE, MEMORY, TWO_CORES));
        others(true).forEach(work -> names.add(work.name()));
        return names;
    }

    private static PersistWork p(boolean quick) {
        int ticks = quick ? 118 : 1_188;
        return PersistWork.cpu("P", HOSTS, ticks, HOSTS * ticks / 20);
    }

    private static List<PersistWork> others(boolean quick) {
        int part = quick ? 10 : 1;
        int ticks = 500 / part;
        int copies = HOSTS * ticks / 20;
        List<ColumnType> strings = Collections.nCopies(4, ColumnType.STRING);
        List<ColumnType> floats = Collections.nCopies(10, ColumnType.F64);
        List<ColumnType> mixed = List.of(
                ColumnType.I64, ColumnType.F64, ColumnType.BOOL, ColumnType.STRING, ColumnType.U64, ColumnType.F64);
        List<ColumnType> many = new ArrayList<>(Collections.nCopies(100, ColumnType.I64));
        many.addAll(Collections.nCopies(100, ColumnType.F64));
        return List.of(
                PersistWork.plain("strings", HOSTS, ticks, copies, strings),
                PersistWork.plain("floats", HOSTS, ticks, copies, floats),
                PersistWork.plain("nulls", HOSTS, ticks, copies, mixed).withNulls(0.5),
                PersistWork.plain("200-fields", HOSTS / 10, ticks, copies / 10, many),
                PersistWork.cpu("1M-series", 1_000_000 / part, 5, 0),
                PersistWork.plain("1-series", 1, HOSTS * ticks, copies, mixed),
                PersistWork.cpu("sorted", HOSTS, ticks, 0).sorted());
    }

    private static void progress(String message) {
        System.err.println(BENCH + ": " + message);
    }

    @Override
    public List<Comparison> run(Options options) throws IOException, InterruptedException {
        List<Comparison> comparisons = new ArrayList<>();
        int runs = options.quick() ? 1 : RUNS;
        if (options.wants(ONE_CORE) || options.wants(SIZE) || options.wants(MEMORY) || options.wants(TWO_CORES)) {
            comparisons.addAll(comparisonsOfP(options, runs));
        }
        for (PersistWork work : others(options.quick())) {
            if (options.wants(work.name())) {
                try (Rows rows = Rows.of(work, options.directory())) {
                    List<Run> measured = rows.runs(1, runs);
                    comparisons.add(comparison(work.name(), "s", measured, Run::ourSeconds, Run::theirSeconds));
                }
            }
        }
        return comparisons;
    }

    private static List<Comparison> comparisonsOfP(Options options, int runs) throws IOException {
        List<Comparison> comparisons = new ArrayList<>();
        try (Rows rows = Rows.of(p(options.quick()), options.directory())) {
            if (options.wants(ONE_CORE) || options.wants(SIZE) || options.wants(MEMORY)) {
                List<Run> one = rows.runs(1, runs);
                comparisons.add(comparison(ONE_CORE, "s", one, Run::ourSeconds, Run::theirSeconds));
                comparisons.add(comparison(SIZE, "MB", one, Run::ourMegabytes, Run::theirMegabytes));
                comparisons.add(comparison(MEMORY, "MB", one, Run::ourMemory, Run::theirMemory));
            }
            if (options.wants(TWO_CORES)) {
                List<Run> two = rows.runs(2, runs);
                comparisons.add(comparison(TWO_CORES, "s", two, Run::ourSeconds, Run::theirSeconds));
            }
        }
        return comparisons.stream().filter(one -> options.wants(one.caseName())).toList();
    }

    private static Comparison comparison(
            String name, String unit, List<Run> runs, ToDoubleFunction<Run> ours, ToDoubleFunction<Run> theirs) {
        return new Comparison(
                BENCH,
                name,
                unit,
                Better.LOWER,
                runs.stream().map(ours::applyAsDouble).toList(),
                PEER,
                runs.stream().map(theirs::applyAsDouble).toList());
    }

    /// What was measured of both, once. Memory and sizes in MB.
    private record Run(
            double ourSeconds,
            double theirSeconds,
            double ourMegabytes,
            double theirMegabytes,
            double ourMemory,
            double theirMemory) {}

    /// The rows of a case, in our memory and in DuckDB's.
    private record Rows(
            PersistWork work,
            SortKey key,
            RootAllocator allocator,
            List<RowBatch> batches,
            DuckDbPersist duckDb,
            Path directory)
            implements AutoCloseable {
        static Rows of(PersistWork work, Path parent) throws IOException {
            progress("%s: making %d rows".formatted(work.name(), work.rows()));
            RootAllocator allocator = new RootAllocator();
            List<RowBatch> batches = work.batches(allocator);
            SortKey key = SortKeys.extend(SortKey.EMPTY, batches);
            return new Rows(
                    work,
                    key,
                    allocator,
                    batches,
                    DuckDbPersist.of(work.schema(), key, batches),
                    Files.createTempDirectory(parent, BENCH));
        }

        /// Ours and theirs in turn.
        List<Run> runs(int threads, int runs) throws IOException {
            Path ours = directory.resolve("ours.parquet");
            Path theirs = directory.resolve("theirs.parquet");
            try (SluicePersist sluice = new SluicePersist(work.schema(), batches, threads)) {
                sluice.write(ours); // for the compiler
                List<Run> measured = new ArrayList<>();
                for (int run = 0; run < runs; run++) {
                    SluicePersist.Figures figures = sluice.write(ours);
                    long before = System.nanoTime();
                    ProcessMemory memory = ProcessMemory.begin();
                    duckDb.write(theirs, threads);
                    double theirMemory = memory.grownBytes() / 1e6;
                    double theirSeconds = (System.nanoTime() - before) / 1e9;
                    measured.add(new Run(
                            figures.seconds(),
                            theirSeconds,
                            Files.size(ours) / 1e6,
                            Files.size(theirs) / 1e6,
                            figures.memoryBytes() / 1e6,
                            Math.max(1, theirMemory)));
                    progress("%s, threads %d: %s; duckdb %.2f s, %.1f MB"
                            .formatted(work.name(), threads, figures, theirSeconds, Files.size(theirs) / 1e6));
                }
                long differences = duckDb.differences(ours, theirs);
                if (differences > 0) {
                    throw new IllegalStateException(
                            "%s: %d rows are in one of the files alone".formatted(work.name(), differences));
                }
                return measured;
            } finally {
                Files.deleteIfExists(ours);
                Files.deleteIfExists(theirs);
            }
        }

        @Override
        public void close() throws IOException {
            Files.deleteIfExists(directory);
            batches.forEach(RowBatch::close);
            allocator.close();
            duckDb.close();
        }
    }
}
