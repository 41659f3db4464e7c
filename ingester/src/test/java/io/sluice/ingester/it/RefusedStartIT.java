package io.sluice.ingester.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What keeps a server from starting is one line that names it, and an exit code of the README.
final class RefusedStartIT {
    private static final int USAGE = 2;
    private static final int IO = 74;

    @TempDir
    private Path folder = Path.of("");

    @Test
    void settingsThatMakeNoSense() throws Exception {
        String data = folder.resolve("data").toString();
        Exit unknown = Exit.of("serve", "--data-dir", data, "--wal-segment-byte", "1MiB");
        assertThat(unknown.code()).isEqualTo(USAGE);
        assertThat(unknown.error()).contains("--wal-segment-byte");
        Exit invalid = Exit.of("serve", "--data-dir", data, "--persist-max-age", "soon");
        assertThat(invalid.code()).isEqualTo(USAGE);
        assertThat(invalid.error()).contains("--persist-max-age", "'soon'", "expected a duration");
        Path config = Files.writeString(folder.resolve("sluice.properties"), "# ours\nwal-segments=7\n");
        Exit configured = Exit.of("serve", "--data-dir", data, "--config", config.toString());
        assertThat(configured.code()).isEqualTo(USAGE);
        assertThat(configured.error()).contains(config + " line 2", "'wal-segments'");
        assertThat(folder.resolve("data")).as("nothing was made").doesNotExist();
    }

    @Test
    void aPortInUseIsNamedWithItsOption() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.ofLiteral("127.0.0.1"))) {
            String address = "127.0.0.1:" + taken.getLocalPort();
            for (String option : new String[] {"--http-bind", "--grpc-bind"}) {
                Exit exit = Exit.of("serve", "--data-dir", folder.toString(), option, address);
                assertThat(exit.code()).as(option).isEqualTo(IO);
                assertThat(exit.error())
                        .isEqualTo("sluice: %s: cannot listen on %s: Address already in use", option, address);
            }
        }
    }

    @Test
    void aFolderThatCannotBeWrittenIsNamed() throws Exception {
        Path file = Files.createFile(folder.resolve("file"));
        Exit below = Exit.of("serve", "--data-dir", file.resolve("data").toString());
        assertThat(below.code()).isEqualTo(IO);
        assertThat(below.error()).contains(file + " is there already, and is no folder");
        // Also root may not write there.
        Exit kernel = Exit.of("serve", "--data-dir", "/proc/sluice");
        assertThat(kernel.code()).isEqualTo(IO);
        assertThat(kernel.error()).contains("/proc/sluice");
        Path data = Files.createDirectory(folder.resolve("data"));
        Path catalog = Files.writeString(data.resolve("catalog.db"), "no database, but long enough for its header");
        Exit garbage = Exit.of("serve", "--data-dir", data.toString());
        assertThat(garbage.code()).isEqualTo(IO);
        assertThat(garbage.error()).contains(catalog.toString(), "expected a SQLite database");
    }
}
