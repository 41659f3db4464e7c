package io.sluice.persist.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class LocalObjectStoreTest extends ObjectStoreContractTest {
    @TempDir
    private Path folder;

    private Path root;
    private LocalObjectStore store;

    @BeforeEach
    void openStore() throws IOException {
        root = folder.toRealPath().resolve("new/objects");
        store = LocalObjectStore.open(root);
    }

    @Override
    ObjectStore store() {
        return store;
    }

    @Test
    void anObjectIsAFileAtThePathOfItsName() throws IOException {
        put("metrics/cpu/a.parquet", bytes("x"));

        assertThat(root.resolve("metrics/cpu/a.parquet")).hasContent("x");
        assertThat(store.describe()).isEqualTo("file:" + root);
    }

    @Test
    void objectsAreThereAfterReopening() throws IOException {
        put("a/b", bytes("x"));

        store = LocalObjectStore.open(root);

        assertThat(get("a/b")).isEqualTo(bytes("x"));
    }

    @Test
    void noTemporaryFileOutlivesItsUpload() throws IOException {
        put("a", bytes("x"));
        try (ObjectUpload upload = store.upload("b")) {
            upload.out().write(1);
            assertThat(temporaryFiles()).hasSize(1);
        }

        assertThat(temporaryFiles()).isEmpty();
    }

    // the unfinished uploads of other processes

    /// ARCHITECTURE.md, invariant 9: what a killed process leaves behind goes with the next start.
    @Test
    void whatAKilledProcessLeftIsRemovedAtTheNextOpening() throws Exception {
        try (var other = new OtherProcess(root, "a/b")) {
            other.expect("begun");
            assertThat(temporaryFiles()).hasSize(1);
            other.kill();
        }
        assertThat(temporaryFiles()).hasSize(1);

        store = LocalObjectStore.open(root);

        assertThat(temporaryFiles()).isEmpty();
        assertThat(list("")).isEmpty();
    }

    @Test
    void anUploadOfALivingProcessIsLeftAlone() throws Exception {
        try (var other = new OtherProcess(root, "a/b")) {
            other.expect("begun");
            store = LocalObjectStore.open(root);
            assertThat(temporaryFiles()).hasSize(1);

            other.tell();

            other.expect("completed");
            assertThat(list("")).containsExactly("a/b");
        }
    }

    @Test
    void aSecondStoreInThisProcessLeavesTheUploadsOfTheFirstAlone() throws Exception {
        try (ObjectUpload upload = store.upload("a")) {
            upload.out().write(bytes("x"));
            var second = LocalObjectStore.open(root);
            // In another process too: opening the second must not have given up the first one's lock.
            try (var other = new OtherProcess(root, "b")) {
                other.expect("begun");
                upload.complete();
                other.tell();
                other.expect("completed");
            }
            assertThat(second.find("a")).isPresent();
        }
        assertThat(list("")).containsExactlyInAnyOrder("a", "b");
    }

    @Test
    void uploadsGoOnAfterTheTemporaryFilesWereRemovedByHand() throws IOException {
        try (Stream<Path> files = Files.walk(root.resolve(".tmp"))) {
            for (Path path : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }

        put("a", bytes("x"));

        assertThat(get("a")).isEqualTo(bytes("x"));
    }

    /// ARCHITECTURE.md, invariant 8: nothing that lies there prevents a start.
    @Test
    void foreignFilesAmongTheTemporaryOnesAreLeftAloneAndPreventNothing() throws IOException {
        Path temporary = root.resolve(".tmp");
        Files.createDirectories(temporary.resolve("owner-folder.lock"));
        Files.writeString(temporary.resolve("notes.txt"), "x");
        Files.writeString(temporary.resolve("notes.lock"), "x");
        Files.createSymbolicLink(temporary.resolve("owner-link.lock"), temporary.resolve("notes.txt"));
        Files.createSymbolicLink(temporary.resolve("owner-dangling.new"), temporary.resolve("nothing"));

        store = LocalObjectStore.open(root);

        put("a", bytes("x"));
        assertThat(temporary.resolve("notes.txt")).hasContent("x");
        assertThat(temporary.resolve("notes.lock")).hasContent("x");
    }

    @Test
    void onlyWhatLiesInTheFolderOfADeadProcessIsRemoved() throws IOException {
        Path outside = Files.createDirectory(folder.resolve("outside"));
        Files.writeString(outside.resolve("precious"), "x");
        Path dead = Files.createDirectory(root.resolve(".tmp/owner-1"));
        Files.createFile(root.resolve(".tmp/owner-1.lock"));
        Files.writeString(dead.resolve("0"), "x");
        Files.createSymbolicLink(dead.resolve("link"), outside);

        LocalObjectStore.open(root);

        assertThat(dead).doesNotExist();
        assertThat(root.resolve(".tmp/owner-1.lock")).doesNotExist();
        assertThat(outside.resolve("precious")).hasContent("x");
    }

    // what is no object

    @Test
    void linksAreNotFollowed() throws IOException {
        Path outside = Files.createDirectory(folder.resolve("outside"));
        Files.writeString(outside.resolve("secret"), "x");
        put("a/b", bytes("x"));
        Files.createSymbolicLink(root.resolve("a/link"), outside.resolve("secret"));
        Files.createSymbolicLink(root.resolve("linked"), outside);

        assertThat(list("")).containsExactly("a/b");
        assertThat(list("linked/")).isEmpty();
        for (String name : List.of("a/link", "linked/secret")) {
            assertThat(store.find(name)).isEmpty();
            assertThatThrownBy(() -> get(name)).isInstanceOf(NoSuchFileException.class);
            store.delete(name);
        }
        assertThatIOException().isThrownBy(() -> put("linked/new", bytes("x")));
        assertThat(outside).isDirectoryContaining(file -> file.endsWith("secret"));
        assertThat(outside.resolve("new")).doesNotExist();
    }

    @Test
    void hiddenFilesAreNoObjects() throws IOException {
        put("a/b", bytes("x"));
        Files.writeString(root.resolve("a/.hidden"), "x");
        Files.createDirectory(root.resolve(".folder"));
        Files.writeString(root.resolve(".folder/file"), "x");

        assertThat(list("")).containsExactly("a/b");
    }

    @Test
    void theStoreMayLieBehindALink() throws IOException {
        Path link = Files.createSymbolicLink(folder.resolve("link"), root);
        put("a", bytes("x"));

        store = LocalObjectStore.open(link);

        assertThat(list("")).containsExactly("a");
        put("b/c", bytes("y"));
        assertThat(root.resolve("b/c")).hasContent("y");
    }

    // what goes wrong

    @Test
    void aFileWhereAFolderShouldBeFailsTheUploadNamingIt() throws IOException {
        put("a", bytes("x"));

        assertThatIOException()
                .isThrownBy(() -> put("a/b", bytes("y")))
                .withMessageContaining("cannot complete object 'a/b'")
                .withMessageContaining(root.resolve("a") + ": expected a folder");
        assertThat(temporaryFiles()).isEmpty();
        assertThat(get("a")).isEqualTo(bytes("x"));
    }

    @Test
    void aFolderWhereTheObjectShouldBeFailsTheUploadNamingIt() throws IOException {
        put("a/b", bytes("x"));

        assertThatIOException()
                .isThrownBy(() -> put("a", bytes("y")))
                .withMessageContaining("cannot complete object 'a' as " + root.resolve("a"));
        assertThat(temporaryFiles()).isEmpty();
        assertThat(list("")).containsExactly("a/b");
    }

    /// As a full disk would, an interrupt fails the write below the store; the error has to say where.
    @Test
    void aFailedWriteNamesObjectAndFileAndLeavesNothing() throws IOException {
        try (ObjectUpload upload = store.upload("a")) {
            Thread.currentThread().interrupt();
            try {
                assertThatIOException()
                        .isThrownBy(() -> upload.out().write(new byte[1 << 20]))
                        .withMessageContaining("cannot write object 'a' to " + root.resolve(".tmp"));
            } finally {
                assertThat(Thread.interrupted()).isTrue();
            }
            assertThatIOException().isThrownBy(upload::complete).withMessageContaining("cannot complete object 'a'");
        }

        assertThat(temporaryFiles()).isEmpty();
        assertThat(list("")).isEmpty();
    }

    @Test
    void aFileInTheRootsPlaceIsRefused() throws IOException {
        Path file = Files.createFile(folder.resolve("file"));

        assertThatIOException()
                .isThrownBy(() -> LocalObjectStore.open(file))
                .withMessageContaining(file + ": expected a folder");
        assertThatIOException()
                .isThrownBy(() -> LocalObjectStore.open(file.resolve("below")))
                .withMessageContaining(file.toString());
    }

    private List<Path> temporaryFiles() throws IOException {
        try (Stream<Path> files = Files.walk(root.resolve(".tmp"))) {
            return files.filter(Files::isRegularFile)
                    .filter(file -> !file.toString().endsWith(".lock"))
                    .toList();
        }
    }

    /// [UploadInAnotherProcess], and the two ends of its pipes.
    private static final class OtherProcess implements AutoCloseable {
        private final Process process;
        private final BufferedReader lines;

        OtherProcess(Path root, String name) throws IOException {
            process = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-cp",
                            System.getProperty("java.class.path"),
                            UploadInAnotherProcess.class.getName(),
                            root.toString(),
                            name)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            lines = process.inputReader(StandardCharsets.UTF_8);
        }

        /// Waits for a line that says this; passes over what the logger prints.
        void expect(String said) throws IOException {
            String line = lines.readLine();
            while (line != null && !line.equals(said)) {
                line = lines.readLine();
            }
            assertThat(line).isEqualTo(said);
        }

        void tell() throws IOException {
            process.getOutputStream().write('\n');
            process.getOutputStream().flush();
        }

        void kill() {
            process.toHandle().destroyForcibly();
            process.onExit().join();
        }

        @Override
        public void close() throws IOException {
            kill();
            lines.close();
        }
    }
}
