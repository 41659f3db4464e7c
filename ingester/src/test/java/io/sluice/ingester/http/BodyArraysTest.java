package io.sluice.ingester.http;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class BodyArraysTest {
    private static final int MAX_KEPT_BYTES = 2 << 20;

    private final BodyArrays arrays = new BodyArrays(MAX_KEPT_BYTES);

    @Test
    void theShortestThatIsLongEnoughIsFoundAndOnlyOnce() {
        byte[] longest = new byte[400_000];
        byte[] shortest = new byte[100_000];
        byte[] middle = new byte[200_000];
        arrays.give(longest);
        arrays.give(shortest);
        arrays.give(middle);
        assertThat(arrays.find(150_000).orElseThrow()).isSameAs(middle);
        assertThat(arrays.find(150_000).orElseThrow()).isSameAs(longest);
        assertThat(arrays.find(150_000)).isEmpty();
        assertThat(arrays.find(100_000).orElseThrow()).isSameAs(shortest);
        assertThat(arrays.find(100_000)).isEmpty();
    }

    @Test
    void shortOnesAreNeitherKeptNorAskedFor() {
        arrays.give(new byte[BodyArrays.MIN_BYTES - 1]);
        arrays.give(new byte[BodyArrays.MIN_BYTES]);
        assertThat(arrays.find(BodyArrays.MIN_BYTES - 1)).isEmpty();
        assertThat(arrays.find(BodyArrays.MIN_BYTES)).isPresent();
        assertThat(arrays.find(BodyArrays.MIN_BYTES)).isEmpty();
    }

    @Test
    void theShortestGoIfThereAreTooMany() {
        for (int i = 0; i < 100; i++) {
            arrays.give(new byte[BodyArrays.MIN_BYTES]);
        }
        arrays.give(new byte[MAX_KEPT_BYTES + 1]); // never
        arrays.give(new byte[MAX_KEPT_BYTES / 2]);
        arrays.give(new byte[MAX_KEPT_BYTES / 2]);
        assertThat(arrays.find(BodyArrays.MIN_BYTES).orElseThrow()).hasSize(MAX_KEPT_BYTES / 2);
        assertThat(arrays.find(BodyArrays.MIN_BYTES).orElseThrow()).hasSize(MAX_KEPT_BYTES / 2);
        assertThat(arrays.find(BodyArrays.MIN_BYTES)).isEmpty();
    }
}
