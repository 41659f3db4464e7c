package io.sluice.benches;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/// Python processes that serve and read with pyarrow's Arrow Flight. The interpreter is that of `SLUICE_TEST_PYTHON`,
/// or `python3`; if it has no pyarrow, a virtual environment with one is made in the benchmarks' folder and kept there.
final class PythonFlight {
    private static final String SCRIPT = "flight.py";
    private static final String ENVIRONMENT = "SLUICE_TEST_PYTHON";
    private static final String PYARROW = "pyarrow==26.0.1";
    private static final long STOP_SECONDS = 10;

    private final String python;
    private final Path script;

    private PythonFlight(String python, Path script) {
        this.python = python;
        this.script = script;
    }

    /// What reading a stream took.
    record Reading(long rows, double seconds, double secondsToFirstBatch) {}

    /// @param kept a folder for a virtual environment
    /// @param directory for the script
    static PythonFlight in(Path kept, Path directory) throws IOException, InterruptedException {
        Path script = directory.resolve(SCRIPT);
        try (InputStream source = PythonFlight.class.getResourceAsStream(SCRIPT)) {
            if (source == null) {
                throw new IOException("the resource " + SCRIPT + " is missing");
            }
            Files.copy(source, script);
        }
        String given = Optional.ofNullable(System.getenv(ENVIRONMENT)).orElse("python3");
        if (hasPyArrow(given)) {
            return new PythonFlight(given, script);
        }
        Path environment = kept.resolve("python");
        Path own = environment.resolve("bin/python");
        if (!Files.exists(own) || !hasPyArrow(own.toString())) {
            System.err.println("query: %s has no pyarrow; making %s with one".formatted(given, environment));
            run(given, "-m", "venv", environment.toString());
            run(own.toString(), "-m", "pip", "install", "--quiet", PYARROW);
        }
        return new PythonFlight(own.toString(), script);
    }

    private static boolean hasPyArrow(String python) throws IOException, InterruptedException {
        return new ProcessBuilder(python, "-c", "import pyarrow.flight")
                        .redirectErrorStream(true)
                        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                        .start()
                        .waitFor()
                == 0;
    }

    private static void run(String... command) throws IOException, InterruptedException {
        int code = new ProcessBuilder(command).inheritIO().start().waitFor();
        if (code != 0) {
            throw new IOException("%s: expected exit code 0, found %d".formatted(String.join(" ", command), code));
        }
    }

    private Process start(String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(python, script.toString()));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    /// Reads a whole stream, several times, in one process.
    List<Reading> read(int port, String ticket, int times) throws IOException, InterruptedException {
        Process client = start("read", Integer.toString(port), ticket, Integer.toString(times));
        List<Reading> readings = new ArrayList<>();
        try (BufferedReader output = client.inputReader()) {
            for (String line = output.readLine(); line != null; line = output.readLine()) {
                String[] figures = line.split(" ", -1);
                readings.add(new Reading(
                        Long.parseLong(figures[0]), Double.parseDouble(figures[1]), Double.parseDouble(figures[2])));
            }
        }
        int code = client.waitFor();
        if (code != 0 || readings.size() != times) {
            throw new IOException(
                    "expected %d streams, found %d, and exit code %d".formatted(times, readings.size(), code));
        }
        return readings;
    }

    /// Takes a table from a server and serves it.
    ///
    /// @param port of the server that has the table
    Server serve(int port, String ticket) throws IOException {
        Process process = start("serve", Integer.toString(port), ticket);
        String line = process.inputReader().readLine();
        if (line == null) {
            throw new IOException("pyarrow's server did not start");
        }
        return new Server(process, Integer.parseInt(line));
    }

    /// Serves one table, whatever the ticket says.
    record Server(Process process, int port) implements AutoCloseable {
        double cpuSeconds() {
            return process.info().totalCpuDuration().orElseThrow().toNanos() / 1e9;
        }

        @Override
        public void close() throws IOException {
            process.destroy();
            try {
                if (!process.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
                    process.destroyForcibly();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("interrupted while pyarrow's server stopped", e);
            }
        }
    }
}
