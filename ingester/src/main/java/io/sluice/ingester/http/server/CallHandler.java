package io.sluice.ingester.http.server;

import io.sluice.ingester.http.server.Patience.Phase;
import io.sluice.persist.retry.Pause;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpHeaderValue;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.io.EofException;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Hands Jetty's requests to ours, and tells Jetty when one is over: its answer has left, and its body is passed.
final class CallHandler extends Handler.Abstract {
    private static final Logger LOG = LoggerFactory.getLogger(CallHandler.class);

    private final Connections connections;
    private final HttpHandler handler;
    private final Pause pause;

    /// @param pause of reading what nobody wants
    CallHandler(Connections connections, HttpHandler handler, Pause pause) {
        this.connections = connections;
        this.handler = handler;
        this.pause = pause;
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) {
        Optional<OpenConnection> found =
                connections.find(request.getConnectionMetaData().getConnection());
        if (found.isEmpty()) {
            callback.failed(new EofException("the connection was closed for another one"));
            return true;
        }
        OpenConnection connection = found.get();
        connection.patience().begin(Phase.WORK);
        List<String> encodings = request.getHeaders().getValuesList(HttpHeader.TRANSFER_ENCODING);
        if (!encodings.isEmpty() && !(encodings.size() == 1 && HttpHeaderValue.CHUNKED.is(encodings.getFirst()))) {
            Response.writeError(
                    request, response, callback, HttpStatus.NOT_IMPLEMENTED_501, "Transfer-Encoding: expected chunked");
            return true;
        }
        try {
            serve(new HttpCall(request, response, connection, pause), connection);
            callback.succeeded();
        } catch (IOException e) {
            LOG.debug("the connection of {} ended: {}", connection.client(), e.toString());
            connection.close();
            callback.failed(new EofException(e)); // of those Jetty keeps quiet
        } catch (RuntimeException e) {
            LOG.error("a request of {} failed, and its connection ends", connection.client(), e);
            connection.close();
            callback.failed(new EofException(e));
        }
        return true;
    }

    private void serve(HttpCall call, OpenConnection connection) throws IOException {
        handler.handle(call);
        if (!call.isAnswered()) {
            throw new IOException("a request was not answered");
        }
        if (call.drain()) {
            connection.awaitNext();
        } else {
            connection.awaitEnd();
        }
    }
}
