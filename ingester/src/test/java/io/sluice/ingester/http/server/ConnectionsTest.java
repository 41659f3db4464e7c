package io.sluice.ingester.http.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sluice.ingester.door.ConnectionLimits;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.eclipse.jetty.io.AbstractConnection;
import org.eclipse.jetty.io.ByteArrayEndPoint;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// Sockets on 127.0.0.1 from which nobody reads: a server that has not come to it yet.
final class ConnectionsTest {
    private static final Duration IDLE = Duration.ofMinutes(5);
    private static final Duration SLOW = Duration.ofSeconds(10);
    private static final int MAX = 2;

    private final AtomicLong nowNanos = new AtomicLong();
    private final Connections connections =
            new Connections(new ConnectionLimits(MAX, IDLE, SLOW), nowNanos::get, new SimpleMeterRegistry());
    private final List<SocketChannel> clients = new ArrayList<>();
    private ServerSocketChannel server;

    @BeforeEach
    void listens() throws IOException {
        server = ServerSocketChannel.open().bind(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0));
    }

    @AfterEach
    void closesEverything() throws IOException {
        for (SocketChannel client : clients) {
            client.close();
        }
        server.close();
    }

    /// What the server has of one connection; all have come one after the other.
    private final class Accepted extends ByteArrayEndPoint {
        private final SocketChannel channel;

        Accepted(String sent) throws IOException {
            SocketChannel client = SocketChannel.open(server.getLocalAddress());
            clients.add(client);
            client.write(ByteBuffer.wrap(sent.getBytes(StandardCharsets.ISO_8859_1)));
            channel = server.accept();
            channel.configureBlocking(false);
            while (channel.socket().getInputStream().available() < sent.length()) {
                Thread.onSpinWait();
            }
            connections.onOpened(new AbstractConnection(this, Runnable::run) {
                @Override
                public void onFillable() {}

                @Override
                public long getBytesIn() {
                    return 0;
                }
            });
            nowNanos.incrementAndGet();
        }

        @Override
        public SocketAddress getRemoteSocketAddress() {
            return channel.socket().getRemoteSocketAddress();
        }

        @Override
        public Object getTransport() {
            return channel;
        }
    }

    @Test
    void aRequestThatHasComeIsNotEndedForANewcomer() throws IOException {
        Accepted asking = new Accepted("GET /a HTTP/1.1\r\n");
        Accepted silent = new Accepted("");
        Accepted newcomer = new Accepted("");
        assertThat(asking.isOpen()).as("asking").isTrue();
        assertThat(silent.isOpen()).as("silent").isFalse();
        assertThat(newcomer.isOpen()).as("newcomer").isTrue();
    }

    @Test
    void aNewcomerIsRefusedIfAllOthersHaveAsked() throws IOException {
        Accepted first = new Accepted("GET /a HTTP/1.1\r\n");
        Accepted second = new Accepted("G");
        Accepted newcomer = new Accepted("GET /a HTTP/1.1\r\n");
        assertThat(first.isOpen()).as("first").isTrue();
        assertThat(second.isOpen()).as("second").isTrue();
        assertThat(newcomer.isOpen()).as("newcomer").isFalse();
    }

    @Test
    void aRequestThatHasComeIsNotEndedForItsIdleTime() throws IOException {
        Accepted asking = new Accepted("GET /a HTTP/1.1\r\n");
        Accepted silent = new Accepted("");
        nowNanos.addAndGet(IDLE.toNanos());
        connections.check();
        assertThat(asking.isOpen()).as("asking").isTrue();
        assertThat(silent.isOpen()).as("silent").isFalse();
    }
}
