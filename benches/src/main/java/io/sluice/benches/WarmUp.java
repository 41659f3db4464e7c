package io.sluice.benches;

import java.io.IOException;

/// Loads something, stretch by stretch, until it gets no faster by it: on two processors that are busy with the load, a
/// JVM takes half a minute and more to compile what is used often, and a figure from before that is the compiler's.
final class WarmUp {
    /// Not to be told from noise.
    private static final double FASTER = 1.05;
    /// A stretch may be slow for another reason.
    private static final int STRETCHES_NO_FASTER = 2;

    private WarmUp() {}

    /// A stretch of the load.
    @FunctionalInterface
    interface Stretch {
        /// How much was done a second.
        double load() throws IOException, InterruptedException;
    }

    /// Runs stretches until two in a row are no faster than the fastest before them.
    ///
    /// @param most stretches, however much faster each is
    static void run(int most, Stretch stretch) throws IOException, InterruptedException {
        double fastest = 0;
        int noFaster = 0;
        for (int i = 0; i < most && noFaster < STRETCHES_NO_FASTER; i++) {
            double perSecond = stretch.load();
            noFaster = perSecond > FASTER * fastest ? 0 : noFaster + 1;
            fastest = Math.max(fastest, perSecond);
        }
    }
}
