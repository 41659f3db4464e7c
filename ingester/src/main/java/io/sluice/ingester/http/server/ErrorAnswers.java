package io.sluice.ingester.http.server;

import io.sluice.ingester.http.server.Patience.Phase;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpHeaderValue;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.handler.ErrorHandler;
import org.eclipse.jetty.util.Callback;

/// Answers what is no HTTP that Jetty understands, in plain text; the connection is closed behind it.
final class ErrorAnswers implements Request.Handler {
    private final Connections connections;

    ErrorAnswers(Connections connections) {
        this.connections = connections;
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) {
        String message = String.valueOf(request.getAttribute(ErrorHandler.ERROR_MESSAGE));
        connections
                .find(request.getConnectionMetaData().getConnection())
                .ifPresent(connection -> connection.patience().begin(Phase.END));
        byte[] text = (message + "\n").getBytes(StandardCharsets.UTF_8);
        response.getHeaders()
                .put(HttpHeader.CONTENT_TYPE, "text/plain; charset=utf-8")
                .put(HttpHeader.CONTENT_LENGTH, text.length)
                .put(HttpHeader.CONNECTION, HttpHeaderValue.CLOSE.asString());
        response.write(true, ByteBuffer.wrap(text), callback);
        return true;
    }
}
