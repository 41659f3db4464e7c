package io.sluice.ingester.cli;

import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.sluice.ingester.settings.SettingValues;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import picocli.CommandLine.Option;

/// `--server` of the client commands.
final class ServerOption {
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
    <T> T call(Function<ManagedChannel, T> calls) {
        ManagedChannel channel =
                NettyChannelBuilder.forAddress(address()).usePlaintext().build();
        try {
            return calls.apply(channel);
        } finally {
            channel.shutdownNow();
            try {
                channel.awaitTermination(1, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
