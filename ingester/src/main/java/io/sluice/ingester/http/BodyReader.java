package io.sluice.ingester.http;

import com.sun.net.httpserver.HttpExchange;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Locale;
import java.util.Optional;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/// Reads a request's body, plain or gzip. The limit holds for what is sent and for what it unpacks to, and is checked
/// before memory is taken.
final class BodyReader {
    private static final int CHUNK_BYTES = 64 * 1024;

    private final int maxBytes;

    BodyReader(int maxBytes) {
        this.maxBytes = maxBytes;
    }

    byte[] read(HttpExchange exchange) throws IOException, HttpError {
        Optional<String> length = header(exchange, "Content-Length");
        if (length.isPresent() && parse(length.get()) > maxBytes) {
            throw tooLarge("is %s bytes long".formatted(length.get()));
        }
        String encoding =
                header(exchange, "Content-Encoding").orElse("identity").toLowerCase(Locale.ROOT);
        InputStream body = exchange.getRequestBody();
        return switch (encoding) {
            case "identity", "" -> read(body, length.map(BodyReader::parse).orElse(0L));
            case "gzip" -> unpack(body);
            default ->
                throw HttpError.of(
                        415,
                        "unsupported media type",
                        "Content-Encoding '%s': expected gzip or none".formatted(encoding));
        };
    }

    private static Optional<String> header(HttpExchange exchange, String name) {
        return Optional.ofNullable(exchange.getRequestHeaders().getFirst(name)).map(String::strip);
    }

    private static long parse(String length) {
        try {
            return Long.parseLong(length);
        } catch (NumberFormatException e) {
            return 0; // the server has refused it, or it is not what counts
        }
    }

    private byte[] unpack(InputStream body) throws IOException, HttpError {
        try (GZIPInputStream unpacked = new GZIPInputStream(keptOpen(body), CHUNK_BYTES)) {
            return read(unpacked, 0);
        } catch (ZipException | EOFException e) {
            throw HttpError.invalid("the body is not valid gzip: " + e.getMessage());
        }
    }

    /// The body must stay open behind its unpacking: what is left of it is read before an answer is sent.
    private static InputStream keptOpen(InputStream body) {
        return new FilterInputStream(body) {
            @Override
            public int read(byte[] bytes, int from, int length) throws IOException {
                return in.read(bytes, from, length);
            }

            @Override
            public void close() {
                // The exchange closes it.
            }
        };
    }

    private byte[] read(InputStream in, long expected) throws IOException, HttpError {
        // What was announced is not believed further than one chunk; the rest grows as it comes.
        ByteArrayOutputStream out = new ByteArrayOutputStream((int) Math.clamp(expected, 1_024, 16L * CHUNK_BYTES));
        byte[] chunk = new byte[CHUNK_BYTES];
        for (int read = in.read(chunk); read >= 0; read = in.read(chunk)) {
            if ((long) out.size() + read > maxBytes) {
                throw tooLarge("goes on behind that");
            }
            out.write(chunk, 0, read);
        }
        return out.toByteArray();
    }

    private HttpError tooLarge(String found) {
        return HttpError.tooLarge(
                "the body may have %d bytes, unpacked (--max-request-bytes), and %s".formatted(maxBytes, found));
    }
}
