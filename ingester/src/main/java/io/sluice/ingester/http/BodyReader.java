package io.sluice.ingester.http;

import io.sluice.ingester.admission.Refusals;
import io.sluice.ingester.door.ByteBudget;
import io.sluice.ingester.door.ByteBudget.Reservation;
import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.ingester.http.server.HttpCall;
import io.sluice.ingester.http.server.SlowClientException;
import java.io.IOException;
import java.util.Locale;
import java.util.Optional;

/// Reads a request's body, plain or gzip. The limit holds for what is sent and for what it unpacks to, and room in the
/// budget is asked for before memory is taken. A length that is only announced takes next to nothing: as long as little
/// has come, there is room for [#EARLY_GROWTH] times that at most. So clients that announce much and send little keep
/// nobody else out.
final class BodyReader {
    /// Room of a body at first, or less if it is shorter.
    private static final int FIRST_BYTES = 2 * 1024;
    /// Below this, room grows by [#EARLY_GROWTH], from there on it doubles.
    private static final int EARLY_BYTES = 256 * 1024;

    private static final int EARLY_GROWTH = 8;

    private final int maxBytes;
    private final ByteBudget budget;
    private final Refusals refusals;
    private final BodyArrays arrays;

    /// @param maxBytes of a body, as sent and as unpacked
    /// @param budget where bodies have their room; below [#peakBytes] a body of `maxBytes` could never be
    ///     read
    /// @param arrays where bodies may lie
    BodyReader(int maxBytes, ByteBudget budget, Refusals refusals, BodyArrays arrays) {
        this.refusals = refusals;
        this.arrays = arrays;
        this.maxBytes = maxBytes;
        this.budget = budget;
    }

    /// The most room that a body of `maxBytes` takes while it is read: its own, and that of the array it outgrew.
    static long peakBytes(int maxBytes) {
        return 2L * maxBytes;
    }

    /// Reads to the end of the body. The caller closes what is returned.
    ///
    /// @throws HttpError if the body is too large, damaged, or ends early, or if there is no room for it
    RequestBody read(HttpCall call) throws HttpError {
        Optional<Long> announced = call.announcedBytes();
        if (announced.isPresent() && announced.get() > maxBytes) {
            throw tooLarge("is %d bytes long".formatted(announced.get()));
        }
        String encoding = call.header("Content-Encoding").orElse("identity").toLowerCase(Locale.ROOT);
        BodySource sent = BodySource.of(call.body());
        try {
            return switch (encoding) {
                case "identity", "" -> read(sent, announced);
                case "gzip", "x-gzip" -> {
                    try (Gunzip unpacked = new Gunzip(sent, maxBytes)) {
                        yield read(unpacked, Optional.empty());
                    }
                }
                default ->
                    throw HttpError.of(
                            415,
                            "unsupported media type",
                            "Content-Encoding '%s': expected gzip or none".formatted(encoding));
            };
        } catch (SlowClientException e) {
            throw HttpError.tooSlow(String.valueOf(e.getMessage()));
        } catch (IOException e) {
            throw HttpError.broken("the body could not be read: "
                    + Optional.ofNullable(e.getMessage()).orElse("the connection was closed"));
        }
    }

    private RequestBody read(BodySource source, Optional<Long> announced) throws IOException, HttpError {
        int capacity = Math.clamp(announced.orElse((long) FIRST_BYTES), 1, Math.min(FIRST_BYTES, maxBytes));
        int end = Math.clamp(announced.orElse((long) maxBytes), capacity, maxBytes);
        boolean done = false;
        Reservation room = reserve(capacity);
        // One that is there anyway may be as long as is announced; there is room only for the first `capacity` bytes.
        byte[] bytes = array(announced.isPresent() ? end : capacity, capacity);
        try {
            int length = 0;
            while (true) {
                if (length < capacity) {
                    int read = source.read(bytes, length, capacity - length);
                    if (read < 0) {
                        break;
                    }
                    length += read;
                } else {
                    // One byte more tells the end from a body that goes on, before more memory is taken.
                    byte[] one = new byte[1];
                    if (source.read(one, 0, 1) < 0) {
                        break;
                    }
                    if (length == end) {
                        throw tooLarge("goes on behind that");
                    }
                    capacity = (int) Math.min((length < EARLY_BYTES ? EARLY_GROWTH : 2L) * length, end);
                    // Both arrays are held while one is copied into the other.
                    Reservation more = reserve(capacity);
                    try (Reservation _ = room) {
                        room = more;
                        bytes = grown(bytes, length, capacity);
                    }
                    bytes[length++] = one[0];
                }
            }
            done = true;
            return new RequestBody(bytes, length, room, arrays);
        } finally {
            if (!done) {
                arrays.give(bytes);
                room.close();
            }
        }
    }

    /// One of the kept arrays, if there is one of `wantedBytes`, or a new one of `newBytes`.
    private byte[] array(int wantedBytes, int newBytes) {
        return arrays.find(wantedBytes).orElseGet(() -> new byte[newBytes]);
    }

    /// An array of `capacity` bytes at least, with the first `length` bytes of another.
    private byte[] grown(byte[] bytes, int length, int capacity) {
        if (bytes.length >= capacity) {
            return bytes;
        }
        byte[] longer = array(capacity, capacity);
        System.arraycopy(bytes, 0, longer, 0, length);
        arrays.give(bytes);
        return longer;
    }

    private Reservation reserve(int bytes) throws HttpError {
        return budget.tryReserve(bytes)
                .orElseThrow(() -> HttpError.refused(refusals.of(
                        Reason.INFLIGHT_BYTES, "no room for the body: %s".formatted(budget.describeLimit()))));
    }

    private HttpError tooLarge(String found) {
        return HttpError.tooLarge(
                "the body may have %d bytes, unpacked (--max-request-bytes), and %s".formatted(maxBytes, found));
    }
}
