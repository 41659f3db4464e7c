package io.sluice.query.flight;

import io.sluice.proto.v1.BatchMetadata;
import java.io.IOException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.TimeStampNanoTZVector;
import org.apache.arrow.vector.UInt8Vector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.Dictionary;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;

/// Rows as text, as they come. Times are RFC 3339 in UTC with nanoseconds; a null is empty, in JSON `null`.
public abstract sealed class RowFormatter implements FlightQueryClient.BatchConsumer {
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern(
                    "uuuu-MM-dd'T'HH:mm:ss.SSSSSSSSS'Z'", Locale.ROOT)
            .withZone(ZoneOffset.UTC);

    final Appendable out;
    long rows;

    private RowFormatter(Appendable out) {
        this.out = out;
    }

    /// RFC 4180: a header, then a line a row.
    public static RowFormatter csv(Appendable out) {
        return new Csv(out);
    }

    /// A JSON object a line.
    public static RowFormatter json(Appendable out) {
        return new Json(out);
    }

    /// Columns side by side for people, as wide as the first rows need.
    public static RowFormatter table(Appendable out) {
        return new Table(out);
    }

    /// Rows so far.
    public final long rows() {
        return rows;
    }

    /// Ends the text.
    public void finish() throws IOException {}

    @Override
    public void batch(VectorSchemaRoot root, DictionaryProvider dictionaries, BatchMetadata metadata)
            throws IOException {
        for (int row = 0; row < root.getRowCount(); row++) {
            row(root, dictionaries, row);
            rows++;
        }
    }

    abstract void row(VectorSchemaRoot root, DictionaryProvider dictionaries, int row) throws IOException;

    /// A value as text; the vector is not null there.
    static String text(FieldVector vector, DictionaryProvider dictionaries, int row) {
        if (vector.getField().getDictionary() != null) {
            Dictionary dictionary =
                    dictionaries.lookup(vector.getField().getDictionary().getId());
            int code = ((Number) vector.getObject(row)).intValue();
            return String.valueOf(dictionary.getVector().getObject(code));
        }
        return switch (vector) {
            case TimeStampNanoTZVector time -> {
                long timeNs = time.get(row);
                yield TIME.format(Instant.ofEpochSecond(
                        Math.floorDiv(timeNs, 1_000_000_000L), Math.floorMod(timeNs, 1_000_000_000L)));
            }
            case BigIntVector number -> Long.toString(number.get(row));
            case UInt8Vector number -> Long.toUnsignedString(number.get(row));
            case Float8Vector number -> Double.toString(number.get(row));
            case BitVector bit -> Boolean.toString(bit.get(row) != 0);
            default -> String.valueOf(vector.getObject(row));
        };
    }

    static List<String> names(Schema schema) {
        return schema.getFields().stream().map(Field::getName).toList();
    }

    private static final class Csv extends RowFormatter {
        Csv(Appendable out) {
            super(out);
        }

        @Override
        public void begin(Schema schema) throws IOException {
            line(names(schema));
        }

        @Override
        void row(VectorSchemaRoot root, DictionaryProvider dictionaries, int row) throws IOException {
            List<String> cells = new ArrayList<>();
            for (FieldVector vector : root.getFieldVectors()) {
                cells.add(vector.isNull(row) ? "" : text(vector, dictionaries, row));
            }
            line(cells);
        }

        private void line(List<String> cells) throws IOException {
            for (int i = 0; i < cells.size(); i++) {
                out.append(i == 0 ? "" : ",").append(quote(cells.get(i)));
            }
            out.append("\r\n");
        }

        private static String quote(String cell) {
            boolean plain = cell.chars().noneMatch(c -> c == ',' || c == '"' || c == '\n' || c == '\r');
            return plain ? cell : '"' + cell.replace("\"", "\"\"") + '"';
        }
    }

    private static final class Json extends RowFormatter {
        Json(Appendable out) {
            super(out);
        }

        @Override
        public void begin(Schema schema) {
            // Each line names its columns.
        }

        @Override
        void row(VectorSchemaRoot root, DictionaryProvider dictionaries, int row) throws IOException {
            String separator = "{";
            for (FieldVector vector : root.getFieldVectors()) {
                out.append(separator);
                string(vector.getField().getName());
                out.append(':');
                if (vector.isNull(row)) {
                    out.append("null");
                } else if (isBare(vector, row)) {
                    out.append(text(vector, dictionaries, row));
                } else {
                    string(text(vector, dictionaries, row));
                }
                separator = ",";
            }
            out.append("}\n");
        }

        /// Numbers and booleans stand without quotes; JSON has no NaN and no infinity.
        private static boolean isBare(FieldVector vector, int row) {
            if (vector.getField().getDictionary() != null) {
                return false;
            }
            return switch (vector) {
                case Float8Vector number -> Double.isFinite(number.get(row));
                case BigIntVector _, UInt8Vector _, BitVector _ -> true;
                default -> false;
            };
        }

        private void string(String text) throws IOException {
            out.append('"');
            for (int i = 0; i < text.length(); i++) {
                char c = text.charAt(i);
                switch (c) {
                    case '"' -> out.append("\\\"");
                    case '\\' -> out.append("\\\\");
                    case '\n' -> out.append("\\n");
                    case '\r' -> out.append("\\r");
                    case '\t' -> out.append("\\t");
                    default -> out.append(c < ' ' ? "\\u%04x".formatted((int) c) : String.valueOf(c));
                }
            }
            out.append('"');
        }
    }

    private static final class Table extends RowFormatter {
        /// Rows that are looked at before the widths are fixed; a longer cell later pushes its line out.
        private static final int SAMPLE_ROWS = 1_000;

        private List<String> header = List.of();
        private List<List<String>> sample = new ArrayList<>();
        private int[] widths = {};

        Table(Appendable out) {
            super(out);
        }

        @Override
        public void begin(Schema schema) {
            header = names(schema);
        }

        @Override
        void row(VectorSchemaRoot root, DictionaryProvider dictionaries, int row) throws IOException {
            List<String> cells = new ArrayList<>();
            for (FieldVector vector : root.getFieldVectors()) {
                cells.add(vector.isNull(row) ? "" : clean(text(vector, dictionaries, row)));
            }
            if (widths.length > 0) {
                line(cells);
                return;
            }
            sample.add(cells);
            if (sample.size() == SAMPLE_ROWS) {
                flush();
            }
        }

        private static String clean(String text) {
            return text.chars().anyMatch(Character::isISOControl) ? text.replaceAll("\\p{Cntrl}", "␣") : text;
        }

        private void flush() throws IOException {
            widths = new int[header.size()];
            for (int i = 0; i < widths.length; i++) {
                widths[i] = header.get(i).length();
                for (List<String> cells : sample) {
                    widths[i] = Math.max(widths[i], cells.get(i).length());
                }
            }
            line(header);
            line(header.stream()
                    .map(name -> "-".repeat(widths[header.indexOf(name)]))
                    .toList());
            for (List<String> cells : sample) {
                line(cells);
            }
            sample = new ArrayList<>();
        }

        private void line(List<String> cells) throws IOException {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < cells.size(); i++) {
                line.append(cells.get(i));
                line.append(" ".repeat(Math.max(0, widths[i] - cells.get(i).length()) + 2));
            }
            out.append(line.toString().stripTrailing()).append('\n');
        }

        @Override
        public void finish() throws IOException {
            if (widths.length == 0 && !header.isEmpty()) {
                flush();
            }
        }
    }
}
