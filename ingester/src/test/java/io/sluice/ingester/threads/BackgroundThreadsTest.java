package io.sluice.ingester.threads;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/// What the system says of threads.
@EnabledOnOs(OS.LINUX)
final class BackgroundThreadsTest {
    private static final Path THIS_THREAD = Path.of("/proc/thread-self/stat");

    /// Counted behind the name in brackets, which may have blanks.
    private static final int NICE_FIELD = 17;

    private static int niceOf(Path stat) throws IOException {
        String text = Files.readString(stat);
        return Integer.parseInt(text.substring(text.lastIndexOf(')') + 2).split(" ", -1)[NICE_FIELD - 1]);
    }

    private static int niceIn(ThreadFactory factory) throws Exception {
        CompletableFuture<Integer> nice = new CompletableFuture<>();
        factory.newThread(() -> {
                    try {
                        nice.complete(niceOf(THIS_THREAD));
                    } catch (IOException e) {
                        nice.completeExceptionally(e);
                    }
                })
                .start();
        return nice.get();
    }

    private static int ofProcess() throws IOException {
        return niceOf(Path.of("/proc/self/stat"));
    }

    @Test
    void itsThreadsGiveWayAndOthersDoNot() throws Exception {
        assertThat(niceIn(new BackgroundThreads(5).factory("work"))).isEqualTo(Math.min(19, ofProcess() + 5));
        assertThat(niceIn(new BackgroundThreads(19).factory("work"))).isEqualTo(19);
        assertThat(niceIn(new BackgroundThreads(0).factory("work"))).isEqualTo(ofProcess());
        assertThat(niceIn(Thread.ofPlatform().factory())).isEqualTo(ofProcess());
    }

    @Test
    void aNameIsWhatTellsWhichThreadsOfTheProcessGiveWay() throws Exception {
        CountDownLatch asked = new CountDownLatch(1);
        CompletableFuture<Path> stat = new CompletableFuture<>();
        Thread thread = Thread.ofPlatform().name("to be lowered").start(() -> {
            try {
                stat.complete(THIS_THREAD.toRealPath());
                asked.await();
            } catch (IOException | InterruptedException e) {
                stat.completeExceptionally(e);
            }
        });
        Path there = stat.get();
        assertThat(Niceness.ofThreads("to be raised", 3)).isZero();
        assertThat(niceOf(there)).isEqualTo(ofProcess());
        assertThat(Niceness.ofThreads("to be low", 3)).isEqualTo(1);
        assertThat(niceOf(there)).isEqualTo(Math.min(19, ofProcess() + 3));
        asked.countDown();
        thread.join();
    }
}
