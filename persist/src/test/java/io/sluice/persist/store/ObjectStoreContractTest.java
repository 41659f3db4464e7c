package io.sluice.persist.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/// What every object store promises. An implementation extends this and hands in an empty one.
abstract class ObjectStoreContractTest {
    private static final long SEED = 4711;

    /// The store under test, the same for the whole of one test; empty at its beginning.
    abstract ObjectStore store();

    @Test
    void anObjectIsReadAsItWasWritten() throws IOException {
        byte[] content = randomBytes(3_000_000);

        ObjectInfo info = put("metrics/cpu/2026-01-01/a.parquet", content);

        assertThat(info.name()).isEqualTo("metrics/cpu/2026-01-01/a.parquet");
        assertThat(info.sizeBytes()).isEqualTo(content.length);
        assertThat(get("metrics/cpu/2026-01-01/a.parquet")).isEqualTo(content);
        assertThat(store().find("metrics/cpu/2026-01-01/a.parquet")).contains(info);
    }

    @Test
    void anObjectIsWrittenInPiecesOfAnySize() throws IOException {
        byte[] content = randomBytes(300_000);
        var random = new Random(SEED);
        try (ObjectUpload upload = store().upload("a")) {
            int position = 0;
            while (position < content.length) {
                if (random.nextBoolean()) {
                    upload.out().write(content[position++]);
                } else {
                    int length = Math.min(random.nextInt(100_000), content.length - position);
                    upload.out().write(content, position, length);
                    position += length;
                }
            }
            upload.complete();
        }

        assertThat(get("a")).as("seed %d", SEED).isEqualTo(content);
    }

    @Test
    void anObjectMayBeEmpty() throws IOException {
        assertThat(put("empty", new byte[0]).sizeBytes()).isZero();
        assertThat(get("empty")).isEmpty();
    }

    @Test
    void nothingIsVisibleBeforeCompletion() throws IOException {
        try (ObjectUpload upload = store().upload("a/b")) {
            upload.out().write(new byte[100_000]);
            upload.out().close();

            assertThat(store().find("a/b")).isEmpty();
            assertThat(list("")).isEmpty();
            assertThatThrownBy(() -> get("a/b")).isInstanceOf(NoSuchFileException.class);
        }
    }

    @Test
    void whatWasGivenUpIsNowhere() throws IOException {
        try (ObjectUpload upload = store().upload("a/b")) {
            upload.out().write(1);
        }

        assertThat(store().find("a/b")).isEmpty();
        assertThat(list("")).isEmpty();
    }

    @Test
    void givingUpLeavesAnEarlierObjectOfTheNameAlone() throws IOException {
        put("a", bytes("before"));

        try (ObjectUpload upload = store().upload("a")) {
            upload.out().write(bytes("after"));
        }

        assertThat(get("a")).isEqualTo(bytes("before"));
    }

    @Test
    void anObjectOfTheSameNameIsReplacedAsAWhole() throws IOException {
        put("a", bytes("a long text"));
        put("a", bytes("short"));

        assertThat(get("a")).isEqualTo(bytes("short"));
        assertThat(list("")).containsExactly("a");
    }

    @Test
    void whoReadsAnObjectKeepsReadingItWhenItIsReplaced() throws IOException {
        put("a", bytes("before"));
        try (InputStream reading = store().open("a")) {
            put("a", bytes("after!"));

            assertThat(reading.readAllBytes()).isEqualTo(bytes("before"));
        }
        assertThat(get("a")).isEqualTo(bytes("after!"));
    }

    @Test
    void closingAfterCompletionKeepsTheObject() throws IOException {
        ObjectUpload upload = store().upload("a");
        upload.complete();
        upload.close();
        upload.close();

        assertThat(store().find("a")).isPresent();
    }

    @Test
    void anUploadEndsOnce() throws IOException {
        ObjectUpload completed = store().upload("a");
        completed.complete();
        ObjectUpload closed = store().upload("b");
        closed.close();

        assertThatIllegalStateException().isThrownBy(completed::complete);
        assertThatIllegalStateException().isThrownBy(closed::complete);
        assertThatThrownBy(() -> writeAndFlush(completed)).isInstanceOf(IOException.class);
        assertThatThrownBy(() -> writeAndFlush(closed)).isInstanceOf(IOException.class);
        assertThat(store().find("a").orElseThrow().sizeBytes()).isZero();
        assertThat(store().find("b")).isEmpty();
    }

    private static void writeAndFlush(ObjectUpload upload) throws IOException {
        upload.out().write(new byte[1 << 20]);
        upload.out().flush();
    }

    @Test
    void aMissingObjectIsFoundMissing() throws IOException {
        put("a/b", bytes("x"));

        for (String missing : List.of("b", "a", "a/b/c", "a/c", "A/b/c/d")) {
            assertThat(store().find(missing)).as(missing).isEmpty();
            assertThatThrownBy(() -> get(missing)).as(missing).isInstanceOf(NoSuchFileException.class);
            store().delete(missing);
        }
        assertThat(list("")).containsExactly("a/b");
    }

    @Test
    void aDeletedObjectIsGoneAndTheOthersStay() throws IOException {
        put("a/b", bytes("x"));
        put("a/c", bytes("y"));

        store().delete("a/b");
        store().delete("a/b");

        assertThat(store().find("a/b")).isEmpty();
        assertThat(list("")).containsExactly("a/c");
        put("a/b", bytes("z"));
        assertThat(get("a/b")).isEqualTo(bytes("z"));
    }

    @Test
    void objectsAreListedByTheBeginningOfTheirNames() throws IOException {
        for (String name : List.of("a", "ab", "b/a", "b/ab/c", "b/abc", "b/b", "c b/=!%.d")) {
            put(name, bytes(name));
        }

        assertThat(list("")).containsExactlyInAnyOrder("a", "ab", "b/a", "b/ab/c", "b/abc", "b/b", "c b/=!%.d");
        assertThat(list("a")).containsExactlyInAnyOrder("a", "ab");
        assertThat(list("b/")).containsExactlyInAnyOrder("b/a", "b/ab/c", "b/abc", "b/b");
        assertThat(list("b/ab")).containsExactlyInAnyOrder("b/ab/c", "b/abc");
        assertThat(list("b/ab/")).containsExactly("b/ab/c");
        assertThat(list("b/b")).containsExactly("b/b");
        assertThat(list("b/b/")).isEmpty();
        for (String nothing : List.of("/", "/a", ".", "..", "../", "b/../", "b//", "x", "a\u0000", "ä/", "\\")) {
            assertThat(list(nothing)).as(nothing).isEmpty();
        }
    }

    @Test
    void aListingSaysWhatFindSays() throws IOException {
        ObjectInfo info = put("a/b", bytes("x"));
        List<ObjectInfo> listed = new ArrayList<>();

        store().list("a", listed::add);

        assertThat(listed).containsExactly(info);
    }

    @Test
    void whatIsNoNameIsRefusedEverywhere() {
        for (String noName : List.of("", "../a", "a/../../b", "/etc/passwd", "a//b", ".tmp/a", "a\\b", "a\u0000")) {
            assertThatIllegalArgumentException().isThrownBy(() -> store().upload(noName));
            assertThatIllegalArgumentException().isThrownBy(() -> store().open(noName));
            assertThatIllegalArgumentException().isThrownBy(() -> store().find(noName));
            assertThatIllegalArgumentException().isThrownBy(() -> store().delete(noName));
        }
    }

    @Test
    void theLongestSegmentIsTaken() throws IOException {
        String name = "a".repeat(255) + "/" + "b".repeat(255);
        put(name, bytes("x"));

        assertThat(list("a")).containsExactly(name);
    }

    @Test
    void manyThreadsUploadListAndDeleteAtOnce() throws Exception {
        int threads = 8;
        int rounds = 20;
        List<Callable<Integer>> workers = new ArrayList<>();
        for (int thread = 0; thread < threads; thread++) {
            String own = "shared/" + thread % 3 + "/" + thread;
            workers.add(() -> {
                for (int round = 0; round < rounds; round++) {
                    byte[] content = bytes(own + round);
                    put(own, content);
                    put("shared/all", content);
                    assertThat(list("shared/")).contains(own, "shared/all");
                    assertThat(get(own)).isEqualTo(content);
                    store().delete(own);
                    assertThat(store().find(own)).isEmpty();
                }
                return rounds;
            });
        }
        try (var pool = Executors.newFixedThreadPool(threads)) {
            for (Future<Integer> worker : pool.invokeAll(workers)) {
                assertThat(worker.get()).isEqualTo(rounds);
            }
        }
        assertThat(list("")).containsExactly("shared/all");
    }

    final ObjectInfo put(String name, byte[] content) throws IOException {
        try (ObjectUpload upload = store().upload(name)) {
            upload.out().write(content);
            return upload.complete();
        }
    }

    final byte[] get(String name) throws IOException {
        try (InputStream in = store().open(name)) {
            return in.readAllBytes();
        }
    }

    final List<String> list(String prefix) throws IOException {
        List<String> names = new ArrayList<>();
        store().list(prefix, info -> names.add(info.name()));
        return names;
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] randomBytes(int length) {
        byte[] bytes = new byte[length];
        new Random(SEED).nextBytes(bytes);
        return bytes;
    }
}
