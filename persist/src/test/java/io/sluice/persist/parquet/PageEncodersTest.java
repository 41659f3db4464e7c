package io.sluice.persist.parquet;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.apache.parquet.bytes.ByteBufferInputStream;
import org.apache.parquet.column.values.delta.DeltaBinaryPackingValuesReader;
import org.apache.parquet.column.values.rle.RunLengthBitPackingHybridDecoder;
import org.junit.jupiter.api.Test;

/// What our encoders write is read back by parquet-java's decoders.
class PageEncodersTest {
    @Test
    void codesComeBackHoweverTheyAreHandedOver() throws IOException {
        int runs = 0;
        for (long seed = 0; seed < 1_000; seed++) {
            var random = new Random(seed);
            int width = random.nextInt(33);
            int count = random.nextInt(400);
            int[] codes = codes(width, count, random);
            var page = new PageBytes();
            var encoder = new HybridEncoder(page);
            encoder.begin(page, width);
            int to;
            for (int from = 0; from < count; from = to) {
                to = from + 1 + random.nextInt(count - from);
                if (random.nextBoolean()) {
                    encoder.all(codes, from, to);
                } else {
                    for (int i = from; i < to; i++) {
                        encoder.run(codes[i], 1);
                    }
                }
            }
            encoder.end();

            var decoder = new RunLengthBitPackingHybridDecoder(width, stream(page));
            for (int i = 0; i < count; i++) {
                assertThat(decoder.readInt()).as("seed %d, place %d", seed, i).isEqualTo(codes[i]);
            }
            runs += page.length() < count * width / 16 ? 1 : 0;
        }
        assertThat(runs).as("pages that runs made small").isGreaterThan(100);
    }

    private static int[] codes(int width, int count, Random random) {
        int[] codes = new int[count];
        int at = 0;
        while (at < count) {
            int code = width == 0 ? 0 : random.nextInt() >>> (Integer.SIZE - width);
            int end = Math.min(count, at + (random.nextBoolean() ? 1 : random.nextInt(60)));
            Arrays.fill(codes, at, end, code);
            at = end;
        }
        return codes;
    }

    @Test
    void longRunsTakeFewBytes() {
        var page = new PageBytes();
        var encoder = new HybridEncoder(page);
        encoder.begin(page, 7);
        encoder.run(99, 1_000_000);
        encoder.run(3, 1_000_000);
        encoder.end();
        assertThat(page.length()).isEqualTo(8);
    }

    @Test
    void widthIsThatOfTheGreatestCode() {
        assertThat(IntStream.of(0, 1, 2, 3, 4, 5, 256, 257).map(HybridEncoder::width))
                .containsExactly(0, 0, 1, 2, 2, 3, 8, 9);
    }

    @Test
    void differencesComeBackThoughTheyOverflow() throws IOException {
        for (long seed = 0; seed < 1_000; seed++) {
            var random = new Random(seed);
            int from = random.nextInt(5);
            long[] values = new long[from + 1 + random.nextInt(400)];
            int bits = random.nextInt(64);
            for (int i = 0; i < values.length; i++) {
                values[i] = switch (random.nextInt(40)) {
                    case 0 -> Long.MIN_VALUE;
                    case 1 -> Long.MAX_VALUE;
                    default -> seed % 3 == 0 ? 10L * i : random.nextLong() >> bits;
                };
            }
            var page = new PageBytes();
            page.put(42); // what comes before is not looked at
            new DeltaEncoder().write(values, from, values.length, page);

            var reader = new DeltaBinaryPackingValuesReader();
            var in = stream(page);
            assertThat(in.read()).isEqualTo(42);
            reader.initFromPage(values.length - from, in);
            for (int i = from; i < values.length; i++) {
                assertThat(reader.readLong()).as("seed %d, place %d", seed, i).isEqualTo(values[i]);
            }
        }
    }

    @Test
    void evenStepsTakeNearlyNothing() {
        long[] values =
                IntStream.range(0, 20_000).mapToLong(i -> 10_000_000_000L * i).toArray();
        var page = new PageBytes();
        new DeltaEncoder().write(values, 0, values.length, page);
        assertThat(page.length()).isLessThan(2_000);
    }

    private static ByteBufferInputStream stream(PageBytes page) {
        return ByteBufferInputStream.wrap(ByteBuffer.wrap(Arrays.copyOf(page.bytes(), page.length())));
    }
}
