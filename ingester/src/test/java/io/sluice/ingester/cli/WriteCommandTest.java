package io.sluice.ingester.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.model.ColumnSchema;
import io.sluice.model.ColumnType;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class WriteCommandTest {
    private final TestServer server;

    @TempDir
    private Path folder = Path.of("");

    WriteCommandTest() throws Exception {
        server = TestServer.start();
    }

    @AfterEach
    void stop() throws Exception {
        server.stop();
    }

    private CommandRun write(String... arguments) {
        String[] all = Arrays.copyOf(
                new String[] {"write", "--namespace", "n", "--in-flight", "1", "--server", server.address()},
                7 + arguments.length);
        System.arraycopy(arguments, 0, all, 7, arguments.length);
        return CommandRun.of(all);
    }

    private String file(String name, byte[] content) throws IOException {
        return Files.write(folder.resolve(name), content).toString();
    }

    private String file(String name, String content) throws IOException {
        return file(name, content.getBytes(StandardCharsets.UTF_8));
    }

    private static byte[] gzip(String content) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(bytes)) {
            out.write(content.getBytes(StandardCharsets.UTF_8));
        }
        return bytes.toByteArray();
    }

    @Test
    void filesAreWrittenInTheirOrderGzipOrNot() throws IOException {
        byte[] twice = Arrays.copyOf(gzip("cpu v=3 3\n"), 200);
        byte[] second = gzip("cpu v=4 4\n");
        int length = gzip("cpu v=3 3\n").length;
        System.arraycopy(second, 0, twice, length, second.length);
        CommandRun run = write(
                file("a.lp", "cpu v=1 1\ncpu v=2 2"),
                file("members.gz", Arrays.copyOf(twice, length + second.length)),
                file("empty", ""),
                file("b.lp", "cpu v=5 5\n"));
        assertThat(run.exitCode()).as(run.err()).isZero();
        assertThat(server.written()).containsExactly(1L, 2L, 3L, 4L, 5L);
        assertThat(run.errLines()).singleElement().asString().contains("5 rows written");
    }

    @Test
    void standardInputIsReadIfNoFileIsNamed() {
        InputStream before = System.in;
        System.setIn(new ByteArrayInputStream("cpu v=1 1\n".getBytes(StandardCharsets.UTF_8)));
        try {
            assertThat(write("--precision", "s").exitCode()).isZero();
        } finally {
            System.setIn(before);
        }
        assertThat(server.written()).containsExactly(1_000_000_000L);
    }

    @Test
    void badLinesAreNamedAndCountedAndTheExitCodeIs1() throws IOException {
        server.create("cpu", ColumnSchema.field("v", ColumnType.F64));
        String file = file("a.lp", "cpu v=1 1\n\ncpu v=\"\n\" 2\ncpu v=3 3\nbad\n");
        CommandRun run = write(file);
        assertThat(run.exitCode()).isEqualTo(ExitCodes.PARTIAL);
        assertThat(server.written()).containsExactly(1L, 3L);
        assertThat(run.errLines()).hasSize(3);
        assertThat(run.err())
                .contains("sluice: " + file + " line 3: ")
                .contains("sluice: " + file + " line 6: fields are missing")
                .contains("2 rows written")
                .contains("2 lines not written");
    }

    @Test
    void aFileThatIsMissingIsNamedAndThoseBeforeItAreWritten() throws IOException {
        CommandRun run = write(file("a.lp", "cpu v=1 1\n"), folder + "/none.lp");
        assertThat(run.exitCode()).isEqualTo(ExitCodes.IO);
        assertThat(server.written()).containsExactly(1L);
        assertThat(run.errLines().getLast())
                .startsWith("sluice: cannot read %s/none.lp: there is no ".formatted(folder));
    }

    @Test
    void aFolderIsNoFile() {
        CommandRun run = write(folder.toString());
        assertThat(run.exitCode()).isEqualTo(ExitCodes.IO);
        assertThat(run.errLines()).last().asString().startsWith("sluice: cannot read " + folder + ": ");
    }

    @Test
    void gzipThatEndsEarlyIsAnErrorAndSoIsGzipThatIsNone() throws IOException {
        byte[] whole = gzip("cpu v=1 1\n".repeat(50));
        CommandRun cut = write(file("cut.gz", Arrays.copyOf(whole, whole.length - 9)));
        assertThat(cut.exitCode()).isEqualTo(ExitCodes.IO);
        assertThat(cut.errLines().getLast()).contains("cut.gz: ");
        CommandRun none = write(file("none.gz", new byte[] {0x1f, (byte) 0x8b, 0, 0}));
        assertThat(none.exitCode()).isEqualTo(ExitCodes.IO);
        assertThat(none.errLines().getLast()).contains("cannot read").contains("none.gz: ");
    }
}
