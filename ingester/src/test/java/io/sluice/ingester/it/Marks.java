package io.sluice.ingester.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Rows that tell by their tag `w` which write brought them, so that it can be said of each how often it is there.
final class Marks {
    static final String NAMESPACE = "n";
    private static final Pattern MARK = Pattern.compile("(?:^|,)w=(\\d+)(?:,|$)");

    private Marks() {}

    /// Writes one row with a mark, and requires that it is acknowledged.
    static void write(SluiceServer server, String table, int mark) throws Exception {
        write(server, table, mark, "");
    }

    /// @param padding makes the row as long as it has to be
    static void write(SluiceServer server, String table, int mark, String padding) throws Exception {
        String line = "%s,w=%d v=%di,padding=\"%s\" %d".formatted(table, mark, mark, padding, mark);
        var answer = server.write(NAMESPACE, line.getBytes(StandardCharsets.UTF_8));
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(204);
    }

    /// The marks in files and buffer, sorted; a row that is there twice is listed twice.
    static List<Integer> find(SluiceServer server, Path dataDirectory, String table) throws Exception {
        List<String> rows = new ArrayList<>(Rows.files(dataDirectory, NAMESPACE, table));
        rows.addAll(Rows.query(server, NAMESPACE, table));
        return rows.stream().map(Marks::mark).sorted().toList();
    }

    /// The mark of a row as text.
    static int mark(String row) {
        Matcher matcher = MARK.matcher(row);
        if (!matcher.find()) {
            throw new AssertionError("no mark in " + row);
        }
        return Integer.parseInt(matcher.group(1));
    }
}
