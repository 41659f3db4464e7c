package io.sluice.ingester.cli;

import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.sluice.ingester.settings.SettingValues;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import picocli.CommandLine.Option;

/// `--server` of the client commands.
final class ServerOption {
    /// So that a server that vanished without a word is noticed.
    private static final Duration KEEPALIVE = Duration.ofSeconds(30);

    private static final int MAX_CAUSES = 10;

    @Option(
            names = "--server",
            paramLabel = "HOST:PORT",
            defaultValue = "127.0.0.1:8087",
            description = "gRPC address of the server (default: ${DEFAULT-VALUE})")
    private String server = "127.0.0.1:8087";

    InetSocketAddress address() {
        try {
            return SettingValues.parseAddress(server);
        } catch (IllegalArgumentException e) {
            throw new CommandFailedException(
                    ExitCodes.USAGE, "--server is '%s': expected HOST:PORT of a host that is known".formatted(server));
        }
    }

    /// Calls the server on a channel of its own.
    ///
    /// @throws CommandFailedException if the server refuses, or cannot be reached
    <T> T call(Function<ManagedChannel, T> calls) {
        ManagedChannel channel = NettyChannelBuilder.forAddress(address())
                .usePlaintext()
                .keepAliveTime(KEEPALIVE.toSeconds(), TimeUnit.SECONDS)
                .keepAliveTimeout(KEEPALIVE.toSeconds(), TimeUnit.SECONDS)
                .build();
        try {
            return calls.apply(channel);
        } catch (StatusRuntimeException e) {
            throw failure(e);
        } finally {
            channel.shutdownNow();
            try {
                channel.awaitTermination(1, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /// What a failed call means to whoever gave the command.
    CommandFailedException failure(StatusRuntimeException failure) {
        Status status = failure.getStatus();
        return switch (status.getCode()) {
            case UNAVAILABLE -> unavailable(failure, String.valueOf(status.getDescription()));
            case DEADLINE_EXCEEDED ->
                new CommandFailedException(
                        ExitCodes.UNAVAILABLE, "the server at %s does not answer in time".formatted(server));
            default ->
                new CommandFailedException(
                        ExitCodes.PARTIAL, "%s: %s".formatted(status.getCode(), status.getDescription()));
        };
    }

    /// @param description what the server said, if it said something
    CommandFailedException unavailable(Throwable failure, String description) {
        Optional<String> reason = Optional.empty();
        int depth = 0;
        for (Throwable cause = failure; cause != null && depth < MAX_CAUSES; cause = cause.getCause(), depth++) {
            if (cause instanceof IOException && cause.getMessage() != null) {
                reason = Optional.of(cause.getMessage());
            }
        }
        return new CommandFailedException(
                ExitCodes.UNAVAILABLE,
                reason.isPresent()
                        ? "cannot reach the server at %s: %s".formatted(server, reason.get())
                        : "the server at %s is unavailable: %s".formatted(server, description));
    }
}
