package io.sluice.ingester.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.ingester.cli.LineBatches.Batch;
import io.sluice.ingester.lineprotocol.KnownColumns;
import io.sluice.ingester.lineprotocol.LineError;
import io.sluice.ingester.lineprotocol.LineProtocolParser;
import io.sluice.ingester.lineprotocol.ParseOptions;
import io.sluice.ingester.lineprotocol.ParsedLines;
import io.sluice.ingester.lineprotocol.Precision;
import io.sluice.model.NamespaceName;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// Lines are cut where the parser ends them, and nothing is lost or made up.
final class LineBatchesTest {
    private static final long ARBITRARY_SEED = 7;
    private static final ParseOptions OPTIONS =
            new ParseOptions(new NamespaceName("n"), Precision.NS, 0, 1_000_000, KnownColumns.NONE);
    /// What means something to the parser, alone and together.
    private static final String[] FRAGMENTS = {
        "\n",
        "\n",
        "\r\n",
        "\r",
        " ",
        " ",
        "\t",
        "\0",
        "=",
        "\"",
        "=\"",
        "\\",
        "\\\\",
        "\\\"",
        "\\ ",
        "\\=",
        "\\,",
        ",",
        "#",
        "# c=\"d",
        "cpu",
        "m v=1",
        "m,t=a v=\"x",
        "m,t=\"a b\" v=1i 5",
        "m v=\"\"",
        "m v=\"",
        "\nm v=\"a\n",
        "\nm v=\"",
        "\n\"",
        "m v=\"a\nb\"",
        "é"
    };

    private static List<Batch> batches(InputStream in, int maxLines) throws IOException {
        LineBatches batches = new LineBatches(in, maxLines);
        List<Batch> all = new ArrayList<>();
        for (Batch batch = batches.next(); !batch.isEmpty(); batch = batches.next()) {
            all.add(batch);
        }
        assertThat(batches.next().isEmpty()).as("the end stays the end").isTrue();
        return all;
    }

    private static List<Batch> batches(String input, int maxLines) throws IOException {
        return batches(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)), maxLines);
    }

    private static List<String> lines(String input) throws IOException {
        return batches(input, 1).stream().map(LineBatchesTest::text).toList();
    }

    private static String text(Batch batch) {
        return new String(batch.bytes(), StandardCharsets.UTF_8);
    }

    private static byte[] joined(List<Batch> batches) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        batches.forEach(batch -> all.writeBytes(batch.bytes()));
        return all.toByteArray();
    }

    private static long lineFeeds(byte[] bytes) {
        long count = 0;
        for (byte b : bytes) {
            count += b == '\n' ? 1 : 0;
        }
        return count;
    }

    @Test
    void aLineFeedInAStringEndsNoLine() throws IOException {
        assertThat(lines("a v=\"x\ny\nz\" 1\nb v=2\n")).containsExactly("a v=\"x\ny\nz\" 1\n", "b v=2\n");
    }

    @Test
    void aQuoteInACommentATagOrATableOpensNoString() throws IOException {
        assertThat(lines("# it's \"a\n  # v=\"\na\"b,t=\"c v=1\nd v=\"\\\"\ne\"\n"))
                .containsExactly("# it's \"a\n", "  # v=\"\n", "a\"b,t=\"c v=1\n", "d v=\"\\\"\ne\"\n");
    }

    @Test
    void anEscapedQuoteClosesNoStringAndAnEscapedBackslashEscapesNothing() throws IOException {
        assertThat(lines("a v=\"\\\"\n\"\nb v=\"\\\\\"\nc v=1\n"))
                .containsExactly("a v=\"\\\"\n\"\n", "b v=\"\\\\\"\n", "c v=1\n");
    }

    @Test
    void anEscapedSpaceBeginsNoFieldsAndAnEscapedEqualsSignNoString() throws IOException {
        assertThat(lines("a\\ b=\"\nc\\ d v\\=\"=1\n")).containsExactly("a\\ b=\"\n", "c\\ d v\\=\"=1\n");
    }

    @Test
    void carriageReturnsStayWithTheirLine() throws IOException {
        assertThat(lines("a v=1\r\n\r\nb v=\"\r\n\"\r\n")).containsExactly("a v=1\r\n", "\r\n", "b v=\"\r\n\"\r\n");
    }

    @Test
    void theLastLineNeedsNoLineFeed() throws IOException {
        assertThat(batches("a v=1\nb v=2", 5)).singleElement().satisfies(batch -> {
            assertThat(batch.count()).isEqualTo(2);
            assertThat(batch.firstLine()).isEqualTo(1);
            assertThat(batch.lastLine()).isEqualTo(2);
        });
    }

    @Test
    void linesAreNumberedAsEditorsNumberThem() throws IOException {
        List<Batch> batches = batches("a v=\"\n\n\"\n# c\nb v=1\n\nc v=\"\n", 2);
        assertThat(batches).extracting(Batch::firstLine).containsExactly(1L, 5L, 7L);
        assertThat(batches).extracting(Batch::lastLine).containsExactly(4L, 6L, 7L);
        assertThat(batches).extracting(Batch::count).containsExactly(2, 2, 1);
    }

    @Test
    void anEmptyInputHasNoBatch() throws IOException {
        assertThat(batches("", 10)).isEmpty();
    }

    @Test
    void aLineLongerThanTheBufferIsOneLine() throws IOException {
        String line = "a v=\"" + "x\n".repeat(1 << 20) + "\" 1\n";
        assertThat(batches(line + "b v=1\n", 1))
                .hasSize(2)
                .first()
                .satisfies(batch -> assertThat(batch.bytes()).hasSize(line.length()));
    }

    @Test
    void aBatchEndsAtItsLimitOfBytesThoughItHasFewLines() throws IOException {
        String line = "a v=\"" + "x".repeat(3 << 20) + "\" 1\n";
        List<Batch> batches = batches(line.repeat(5), 1_000);
        assertThat(batches).extracting(Batch::count).containsExactly(3, 2);
        assertThat(batches).extracting(Batch::firstLine).containsExactly(1L, 4L);
    }

    @Test
    void aLineThatDoesNotEndIsNamedAndEndsTheInput() {
        String open = "b v=\"" + "x".repeat(LineBatches.MAX_LINE_BYTES);
        assertThatThrownBy(() -> batches("a v=1\n\n" + open, 10))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("line 3 does not end within 8388608 bytes");
    }

    @Test
    void halvesAreTheLinesInOrderWithTheirNumbers() throws IOException {
        Batch batch = batches("# c\na v=\"\n\"\nb v=1\nc v=2\nd v=3", 10).getFirst();
        List<Batch> halves = batch.halves();
        assertThat(halves)
                .extracting(LineBatchesTest::text)
                .containsExactly("# c\na v=\"\n\"\n", "b v=1\nc v=2\nd v=3");
        assertThat(halves).extracting(Batch::firstLine).containsExactly(1L, 4L);
        assertThat(halves).extracting(Batch::lastLine).containsExactly(3L, 6L);
        assertThat(halves).extracting(Batch::count).containsExactly(2, 3);
        Batch one = halves.getFirst().halves().getFirst();
        assertThatThrownBy(one::halves).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void linesTakenAloneKeepTheirNumbers() throws IOException {
        Batch batch = batches("a v=1\nb v=\"\n\"\nc\n\nd\ne v=\"\n\"", 10).getFirst();
        byte[] only = batch.only(List.of(new LineError(2, ""), new LineError(6, "")));
        assertThat(new String(only, StandardCharsets.UTF_8)).isEqualTo("\nb v=\"\n\"\n\n\nd\n\n");
        assertThat(new String(batch.only(List.of(new LineError(7, ""))), StandardCharsets.UTF_8))
                .isEqualTo("\n\n\n\n\n\ne v=\"\n\"");
    }

    /// The real parser says where lines end: a line begins at a place if a bad line put there is an error of its own.
    @Test
    void everyInputIsCutWhereTheParserEndsItsLines() throws IOException {
        LineProtocolParser parser = new LineProtocolParser(ARBITRARY_SEED);
        int cuts = 0;
        int lineFeedsInStrings = 0;
        for (long seed = 0; seed < 2_000; seed++) {
            Random random = new Random(seed);
            byte[] input = generate(random);
            String shown = "seed %d: %s".formatted(seed, new String(input, StandardCharsets.UTF_8));
            List<byte[]> expected = linesOfParser(parser, input);
            int maxLines = 1 + random.nextInt(4);
            List<Batch> batches = batches(new Dribble(input, random), maxLines);
            assertThat(joined(batches)).as(shown).isEqualTo(input);
            assertThat(batches(new ByteArrayInputStream(input), 1))
                    .as(shown)
                    .extracting(Batch::bytes)
                    .containsExactlyElementsOf(expected);
            long line = 1;
            int count = 0;
            for (Batch batch : batches) {
                assertThat(batch.firstLine()).as(shown).isEqualTo(line);
                line += lineFeeds(batch.bytes());
                boolean endsWithLineFeed = batch.bytes()[batch.bytes().length - 1] == '\n';
                assertThat(batch.lastLine()).as(shown).isEqualTo(endsWithLineFeed ? line - 1 : line);
                count += batch.count();
            }
            assertThat(count).as(shown).isEqualTo(expected.size());
            assertThat(batches.size()).as(shown).isEqualTo((count + maxLines - 1) / maxLines);
            cuts += count;
            lineFeedsInStrings += (int) lineFeeds(input) - count;
        }
        assertThat(cuts).isGreaterThan(5_000);
        assertThat(lineFeedsInStrings).as("strings over lines were tried").isGreaterThan(500);
    }

    /// A line of a batch that is bad by itself is bad when it stands alone, and under the same number.
    @Test
    void everyLineTakenAloneIsReadAsItself() throws IOException {
        LineProtocolParser parser = new LineProtocolParser(ARBITRARY_SEED);
        int bad = 0;
        for (long seed = 0; seed < 1_000; seed++) {
            byte[] input = generate(new Random(seed));
            for (Batch batch : batches(new ByteArrayInputStream(input), 1_000)) {
                List<LineError> errors = parse(parser, input).errors();
                ParsedLines alone = parse(parser, batch.only(errors));
                assertThat(alone.rows() + alone.badLines())
                        .as("seed %d: %s", seed, text(batch))
                        .isEqualTo(errors.size());
                assertThat(errors.stream().map(LineError::lineNumber))
                        .as("seed %d: %s", seed, text(batch))
                        .containsAll(alone.errors().stream()
                                .map(LineError::lineNumber)
                                .toList());
                bad += errors.size();
            }
        }
        assertThat(bad).isGreaterThan(500);
    }

    private static byte[] generate(Random random) {
        StringBuilder input = new StringBuilder();
        int fragments = random.nextInt(40);
        for (int i = 0; i < fragments; i++) {
            input.append(FRAGMENTS[random.nextInt(FRAGMENTS.length)]);
        }
        return input.toString().getBytes(StandardCharsets.UTF_8);
    }

    private static ParsedLines parse(LineProtocolParser parser, byte[] body) {
        return parser.parse(body, 0, body.length, OPTIONS);
    }

    private static List<byte[]> linesOfParser(LineProtocolParser parser, byte[] input) {
        List<byte[]> lines = new ArrayList<>();
        int start = 0;
        for (int at = 0; at < input.length; at++) {
            boolean isEnd = at == input.length - 1;
            if (input[at] == '\n') {
                byte[] probe = Arrays.copyOf(input, at + 3);
                probe[at + 1] = 'x';
                probe[at + 2] = '\n';
                List<LineError> errors = parse(parser, probe).errors();
                isEnd |= !errors.isEmpty()
                        && errors.getLast().lineNumber() == lineFeeds(Arrays.copyOf(input, at + 1)) + 1;
            }
            if (isEnd) {
                lines.add(Arrays.copyOfRange(input, start, at + 1));
                start = at + 1;
            }
        }
        return lines;
    }

    /// A stream that hands over a few bytes at a time.
    private static final class Dribble extends ByteArrayInputStream {
        private final Random random;

        Dribble(byte[] bytes, Random random) {
            super(bytes);
            this.random = random;
        }

        @Override
        public synchronized int read(byte[] to, int offset, int length) {
            return super.read(to, offset, Math.min(length, 1 + random.nextInt(5)));
        }
    }
}
