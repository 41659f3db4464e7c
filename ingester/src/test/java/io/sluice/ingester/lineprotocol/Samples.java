package io.sluice.ingester.lineprotocol;

import io.sluice.model.NamespaceName;
import java.io.IOException;
import java.io.InputStream;
import java.util.Objects;
import java.util.zip.GZIPInputStream;

/// The sample data of `src/test/resources/lineprotocol`, and options for tests.
final class Samples {
    static final long ARBITRARY_SEED = 0x5EED;
    static final long DEFAULT_TIME_NS = 1_700_000_000_123_456_789L;

    private Samples() {}

    static byte[] read(String name) throws IOException {
        try (InputStream in =
                Objects.requireNonNull(Samples.class.getResourceAsStream("/lineprotocol/" + name), name)) {
            return name.endsWith(".gz") ? new GZIPInputStream(in).readAllBytes() : in.readAllBytes();
        }
    }

    static ParseOptions options() {
        return options(Precision.NS, KnownColumns.NONE);
    }

    static ParseOptions options(Precision precision, KnownColumns known) {
        return new ParseOptions(new NamespaceName("metrics"), precision, DEFAULT_TIME_NS, 1_000_000, known);
    }
}
