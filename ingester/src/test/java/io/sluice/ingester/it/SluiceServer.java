package io.sluice.ingester.it;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.errorprone.annotations.CanIgnoreReturnValue;
import io.sluice.ingester.cli.SluiceCommand;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A server in a process of its own, on ports that were free, and what tests do to it.
final class SluiceServer implements AutoCloseable {
    static final Path LAUNCHER =
            Path.of(System.getProperty("user.dir")).resolve("../sluice").normalize();
    private static final Pattern PORTS = Pattern.compile("on gRPC port (\\d+), HTTP port (\\d+)");
    private static final long START_SECONDS = 120;
    private static final long STOP_SECONDS = 60;

    private final Process process;
    private final List<String> log = Collections.synchronizedList(new ArrayList<>());
    private final CompletableFuture<Matcher> ports = new CompletableFuture<>();
    private final CompletableFuture<Boolean> ready = new CompletableFuture<>();
    private final Map<String, CompletableFuture<String>> awaited = new ConcurrentHashMap<>();
    private Thread reader = Thread.currentThread();
    private final HttpClient http = HttpClient.newHttpClient();

    private SluiceServer(Process process) {
        this.process = process;
    }

    /// Starts a server and waits until it is ready.
    static SluiceServer start(Path dataDirectory, String... options) throws Exception {
        SluiceServer server = launch(dataDirectory, options);
        server.awaitReady();
        return server;
    }

    /// Starts a server and waits for nothing.
    static SluiceServer launch(Path dataDirectory, String... options) throws Exception {
        return launch(dataDirectory, Map.of(), options);
    }

    /// Starts a server with variables in its environment, and waits for nothing.
    static SluiceServer launch(Path dataDirectory, Map<String, String> environment, String... options)
            throws Exception {
        List<String> command = new ArrayList<>(List.of(
                LAUNCHER.toString(),
                "serve",
                "--data-dir",
                dataDirectory.toString(),
                "--grpc-bind",
                "127.0.0.1:0",
                "--http-bind",
                "127.0.0.1:0"));
        command.addAll(List.of(options));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put("SLUICE_JAVA_HOME", System.getProperty("java.home"));
        builder.environment().put("SLUICE_JAVA_OPTS", "-Xmx512m");
        builder.environment().putAll(environment);
        SluiceServer server = new SluiceServer(builder.start());
        server.reader = Thread.ofVirtual().start(server::readLog);
        return server;
    }

    /// Waits until writes are taken.
    void awaitReady() throws Exception {
        await(ready);
    }

    /// Waits until the doors are open, which they are before the log is replayed.
    void awaitPorts() throws Exception {
        await(ports);
    }

    /// Waits for a line of the server's log that contains a text; returns it.
    String awaitLine(String text) throws Exception {
        CompletableFuture<String> line = new CompletableFuture<>();
        awaited.put(text, line);
        // Those that came before anybody waited.
        log().stream().filter(seen -> seen.contains(text)).findFirst().ifPresent(line::complete);
        if (!reader.isAlive()) {
            line.completeExceptionally(new IllegalStateException("the server ended without it"));
        }
        return await(line);
    }

    /// Waits until the process ends by itself; returns the exit code.
    int awaitEnd() throws InterruptedException {
        if (!process.waitFor(START_SECONDS, TimeUnit.SECONDS)) {
            throw new AssertionError("the server does not end:\n" + String.join("\n", log));
        }
        reader.join();
        return process.exitValue();
    }

    private void readLog() {
        try (BufferedReader lines = process.inputReader()) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                log.add(line);
                String added = line;
                awaited.forEach((text, future) -> {
                    if (added.contains(text)) {
                        future.complete(added);
                    }
                });
                Matcher found = PORTS.matcher(line);
                if (found.find()) {
                    ports.complete(found);
                }
                if (line.contains(" ready, ingester ")) {
                    ready.complete(true);
                }
            }
        } catch (IOException e) {
            log.add("the log ends: " + e);
        }
        IllegalStateException ended = new IllegalStateException("the server ended:\n" + String.join("\n", log));
        ports.completeExceptionally(ended);
        ready.completeExceptionally(ended);
        awaited.values().forEach(future -> future.completeExceptionally(ended));
    }

    @CanIgnoreReturnValue
    private <T> T await(CompletableFuture<T> future) throws Exception {
        try {
            return future.get(START_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException | TimeoutException e) {
            process.destroyForcibly();
            throw new AssertionError("the server did not start:\n" + String.join("\n", log), e);
        }
    }

    int grpcPort() {
        return Integer.parseInt(ports.join().group(1));
    }

    int httpPort() {
        return Integer.parseInt(ports.join().group(2));
    }

    List<String> log() {
        return List.copyOf(log);
    }

    /// Posts line protocol; returns the answer, whatever it is.
    HttpResponse<String> write(String namespace, byte[] lines) throws IOException, InterruptedException {
        return post("/api/v2/write?bucket=" + namespace, lines);
    }

    HttpResponse<String> post(String path, byte[] body, String... headers) throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(uri(path));
        if (headers.length > 0) {
            request.headers(headers);
        }
        return http.send(
                request.POST(HttpRequest.BodyPublishers.ofByteArray(body)).build(),
                HttpResponse.BodyHandlers.ofString());
    }

    HttpResponse<String> get(String path) throws IOException, InterruptedException {
        return http.send(HttpRequest.newBuilder(uri(path)).build(), HttpResponse.BodyHandlers.ofString());
    }

    private URI uri(String path) {
        return URI.create("http://127.0.0.1:" + httpPort() + path);
    }

    /// The document of `/status`.
    JsonNode status() throws IOException, InterruptedException {
        return new ObjectMapper().readTree(get("/status").body());
    }

    /// Runs a client command of the command line in this process against the server; returns its exit code.
    int run(String... command) {
        List<String> arguments = new ArrayList<>(List.of(command));
        arguments.add("--server");
        arguments.add("127.0.0.1:" + grpcPort());
        return SluiceCommand.create().execute(arguments.toArray(String[]::new));
    }

    long pid() {
        return process.pid();
    }

    /// `kill -9`.
    void kill() throws InterruptedException {
        process.destroyForcibly();
        process.waitFor();
    }

    /// Sends a signal, by its name without `SIG`, and waits for nothing.
    void signal(String name) throws IOException, InterruptedException {
        Process sent = new ProcessBuilder("kill", "-" + name, Long.toString(pid()))
                .inheritIO()
                .start();
        if (sent.waitFor() != 0) {
            throw new AssertionError("kill -%s %d failed".formatted(name, pid()));
        }
    }

    /// SIGTERM; returns the exit code.
    int stop() throws InterruptedException {
        process.destroy();
        if (!process.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
            throw new AssertionError("the server does not stop:\n" + String.join("\n", log));
        }
        return process.exitValue();
    }

    @Override
    public void close() {
        process.destroyForcibly();
        process.onExit().join();
        http.close();
    }
}
