package io.sluice.benches;

import java.io.IOException;
import java.io.InputStream;
import java.lang.ProcessBuilder.Redirect;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/// A database that takes line protocol over HTTP, as a process of its own with a folder of its own. Closing kills it.
final class ServerProcess implements AutoCloseable {
    private static final String LAUNCHER_PROPERTY = "sluice.benches.launcher";
    private static final Duration LONGEST_START = Duration.ofSeconds(60);
    private static final long POLL_MILLIS = 100;
    private static final long SETTLED_NANOS_PER_POLL = 20_000_000; // a tenth of two processors
    private static final int SETTLED_POLLS = 3;

    private final String name;
    private final Process process;
    private final int httpPort;
    private final int grpcPort;

    private ServerProcess(String name, Process process, int httpPort, int grpcPort) {
        this.name = name;
        this.process = process;
        this.httpPort = httpPort;
        this.grpcPort = grpcPort;
    }

    /// Ours as the launcher starts it.
    ///
    /// @param options beside its defaults
    static ServerProcess sluice(Path folder, String... options) throws IOException, InterruptedException {
        return sluice("/ready", folder, options);
    }

    /// The same of one whose options make it take no writes.
    static ServerProcess refusing(Path folder, String... options) throws IOException, InterruptedException {
        return sluice("/health", folder, options);
    }

    private static ServerProcess sluice(String readyPath, Path folder, String... options)
            throws IOException, InterruptedException {
        int http = freePort();
        int grpc = freePort();
        List<String> command = java();
        command.addAll(List.of(
                "--add-opens=java.base/java.nio=ALL-UNNAMED",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow"));
        command.addAll(jvmOptions(options));
        command.addAll(List.of(
                "-cp",
                System.getProperty("java.class.path"),
                "io.sluice.ingester.cli.Main",
                "serve",
                "--data-dir",
                folder.resolve("data").toString(),
                "--grpc-bind",
                "127.0.0.1:" + grpc,
                "--http-bind",
                "127.0.0.1:" + http));
        command.addAll(List.of(options));
        return start("sluice", folder, command, Map.of("MALLOC_ARENA_MAX", "2"), http, grpc, readyPath);
    }

    /// How the launcher sizes the JVM for a server with these options.
    private static List<String> jvmOptions(String... options) throws IOException, InterruptedException {
        List<String> command =
                new ArrayList<>(List.of(System.getProperty(LAUNCHER_PROPERTY), "--jvm-options", "serve"));
        command.addAll(List.of(options));
        Process launcher =
                new ProcessBuilder(command).redirectError(Redirect.INHERIT).start();
        String printed = new String(launcher.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (launcher.waitFor() != 0) {
            throw new IOException("%s ended with exit code %d".formatted(command, launcher.exitValue()));
        }
        return List.of(printed.strip().split("\\s+"));
    }

    /// QuestDB.
    ///
    /// @param commitMode `sync`, or `nosync`, its default, which acknowledges what the system has not written
    static ServerProcess questDb(Path jar, String commitMode, Path folder) throws IOException, InterruptedException {
        int http = freePort();
        List<String> command = java();
        command.addAll(List.of(
                "-XX:+UseParallelGC",
                "-p",
                jar.toString(),
                "-m",
                "io.questdb/io.questdb.ServerMain",
                "-d",
                Files.createDirectories(folder.resolve("data")).toString()));
        Map<String, String> settings = Map.of(
                "QDB_CAIRO_COMMIT_MODE", commitMode,
                "QDB_HTTP_BIND_TO", "127.0.0.1:" + http,
                "QDB_HTTP_MIN_ENABLED", "false",
                "QDB_LINE_TCP_ENABLED", "false",
                "QDB_PG_ENABLED", "false",
                "QDB_TELEMETRY_ENABLED", "false",
                "QDB_METRICS_ENABLED", "false");
        return start("questdb-" + commitMode, folder, command, settings, http, http, "/ping");
    }

    private static List<String> java() {
        return new ArrayList<>(
                List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private static ServerProcess start(
            String name,
            Path folder,
            List<String> command,
            Map<String, String> environment,
            int httpPort,
            int grpcPort,
            String readyPath)
            throws IOException, InterruptedException {
        Files.createDirectories(folder);
        Path log = folder.resolve("server.log");
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
        builder.environment().remove("JAVA_TOOL_OPTIONS");
        builder.environment().putAll(environment);
        ServerProcess server = new ServerProcess(name, builder.start(), httpPort, grpcPort);
        URI ready = URI.create("http://127.0.0.1:%d%s".formatted(httpPort, readyPath));
        long deadline = System.nanoTime() + LONGEST_START.toNanos();
        while (!answers(ready)) {
            if (System.nanoTime() > deadline || server.process.waitFor(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
                server.close();
                throw new IOException("%s does not start; it says: %s".formatted(name, Files.readString(log)));
            }
        }
        return server;
    }

    private static boolean answers(URI ready) {
        try {
            HttpURLConnection connection = (HttpURLConnection) ready.toURL().openConnection();
            connection.setConnectTimeout(1_000);
            connection.setReadTimeout(5_000);
            boolean answered = connection.getResponseCode() < 300;
            connection.disconnect();
            return answered;
        } catch (IOException e) {
            return false;
        }
    }

    String name() {
        return name;
    }

    int httpPort() {
        return httpPort;
    }

    /// Of ours.
    int grpcPort() {
        return grpcPort;
    }

    double cpuSeconds() {
        return cpuNanos() / 1e9;
    }

    private long cpuNanos() {
        return process.info().totalCpuDuration().orElseThrow().toNanos();
    }

    /// The sum of a metric of ours over its labels; 0 if it is not told yet.
    double metric(String metric) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) URI.create("http://127.0.0.1:%d/metrics".formatted(httpPort))
                .toURL()
                .openConnection();
        try (InputStream in = connection.getInputStream()) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .filter(line -> line.startsWith(metric + " ") || line.startsWith(metric + "{"))
                    .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
                    .sum();
        } finally {
            connection.disconnect();
        }
    }

    /// The resident memory now.
    long memoryBytes() throws IOException {
        return ProcessMemory.bytesOf(process.pid());
    }

    /// The greatest resident memory so far.
    long peakMemoryBytes() throws IOException {
        return ProcessMemory.peakBytes(process.pid());
    }

    /// Waits until what the server does behind its answers is done, so that the next one has the machine for itself.
    ///
    /// @param longest waits no longer
    void settle(Duration longest) throws InterruptedException, IOException {
        long deadline = System.nanoTime() + longest.toNanos();
        long before = cpuNanos();
        for (int idle = 0; idle < SETTLED_POLLS && System.nanoTime() < deadline; ) {
            if (process.waitFor(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
                throw new IOException("%s ended by itself, with exit code %d".formatted(name, process.exitValue()));
            }
            long now = cpuNanos();
            idle = now - before <= SETTLED_NANOS_PER_POLL ? idle + 1 : 0;
            before = now;
        }
        writeBack();
    }

    /// What a server that does not sync has left to the system to write is written now, and not while the next server
    /// waits for its own syncs: that took two thirds of the rate from whoever came behind.
    private static void writeBack() throws IOException, InterruptedException {
        new ProcessBuilder("sync").inheritIO().start().waitFor();
    }

    @Override
    public void close() {
        process.destroyForcibly();
        process.onExit().join();
    }
}
