package io.sluice.ingester.lineprotocol;

import io.sluice.ingester.door.DecodedRows.TagValue;
import io.sluice.model.PartitionTemplate;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Line protocol once more, slowly: a grammar of regular expressions over a string with a character for each byte, and
/// a map for each row. It shares nothing with the parser that it checks.
final class ReferenceParser {
    private static final String END = "(?=\\n|\\r\\n|\\r?\\z)";
    private static final String NAME = "(?:\\\\[, ]|[^, \\n\\r\\\\]|\\\\(?![, ])|\\r(?!\\n|\\z))++";
    private static final String KEY = "(?:\\\\[,= ]|[^,= \\n\\r\\\\]|\\\\(?![,= ])|\\r(?!\\n|\\z))++";
    private static final String STRING = "\"(?:\\\\[\"\\\\]|[^\"\\\\]|\\\\(?![\"\\\\]))*+\"";
    private static final String FLOAT = "-?(?:[0-9]+\\.?[0-9]*|\\.[0-9]+)(?:[eE][+-]?[0-9]+)?";
    private static final String INTEGER = "-?[0-9]+i";
    private static final String UNSIGNED = "[0-9]+u";
    private static final String BOOLEAN = "t|T|true|True|TRUE|f|F|false|False|FALSE";
    private static final String VALUE = "(?:" + STRING + "|" + INTEGER + "|" + UNSIGNED + "|" + FLOAT + "|" + BOOLEAN
            + ")(?=[, ]|\\n|\\r\\n|\\r?\\z)";
    private static final String FIELDS = KEY + "=" + VALUE + "(?:," + KEY + "=" + VALUE + ")*+";
    private static final Pattern POINT = Pattern.compile("(?<name>" + NAME + ")(?<tags>(?:," + KEY + "=" + KEY
            + ")*+) [ \\t\\x00]*+(?<fields>" + FIELDS + ")(?: [ \\t\\x00]*+(?:(?<time>-?[0-9]+)(?: [ \\t\\x00]*+)?)?)?"
            + END);
    private static final Pattern TAG = Pattern.compile(",(" + KEY + ")=(" + KEY + ")");
    private static final Pattern FIELD = Pattern.compile("(" + KEY + ")=(" + VALUE + "),?");
    private static final Pattern BAD_POINT = Pattern.compile("(?:\\\\[,= ]|[^ \\n])*+"
            + "(?: (?:=\"(?:\\\\[\"\\\\]|[^\"\\\\]|\\\\(?![\"\\\\]))*+(?:\"|\\z)|\\\\[,= ]|[^\\n])*+)?");
    private static final Pattern BETWEEN = Pattern.compile("(?:[ \\t\\x00\\n]|\\r(?=\\n|\\z)|#[^\\n]*+)*+");

    private final ParseOptions options;
    final Map<String, List<Map<String, Object>>> tables = new TreeMap<>();
    final List<Long> badLines = new ArrayList<>();
    private final Map<String, Map<String, String>> types = new HashMap<>();

    ReferenceParser(ParseOptions options) {
        this.options = options;
    }

    ReferenceParser parse(byte[] body) {
        String text = new String(body, StandardCharsets.ISO_8859_1);
        int at = 0;
        while (true) {
            at = end(BETWEEN, text, at);
            if (at == text.length()) {
                return this;
            }
            Matcher point = POINT.matcher(text).region(at, text.length());
            if (point.lookingAt() && take(text, point)) {
                at = point.end();
            } else {
                badLines.add(
                        1 + text.substring(0, at).chars().filter(c -> c == '\n').count());
                at = end(BAD_POINT, text, at);
            }
        }
    }

    private static int end(Pattern pattern, String text, int at) {
        Matcher matcher = pattern.matcher(text).region(at, text.length());
        return matcher.lookingAt() ? matcher.end() : at;
    }

    /// Matches within a group, but sees what stands behind it.
    private static Matcher within(Pattern pattern, String text, Matcher point, String group) {
        return pattern.matcher(text)
                .region(point.start(group), point.end(group))
                .useTransparentBounds(true)
                .useAnchoringBounds(false);
    }

    private boolean take(String text, Matcher point) {
        Optional<String> table = name(unescape(point.group("name"), "[, ]"));
        var row = new TreeMap<String, Object>();
        var rowTypes = new TreeMap<String, String>();
        for (Matcher tag = within(TAG, text, point, "tags"); tag.find(); ) {
            Optional<String> key = name(unescape(tag.group(1), "[,= ]"));
            Optional<String> value = utf8(unescape(tag.group(2), "[,= ]"));
            if (key.isEmpty() || value.isEmpty() || row.put(key.get(), new TagValue(value.get())) != null) {
                return false;
            }
            rowTypes.put(key.get(), "tag");
        }
        for (Matcher field = within(FIELD, text, point, "fields"); field.find(); ) {
            Optional<String> key = name(unescape(field.group(1), "[,= ]"));
            Optional<Object> value = value(field.group(2));
            if (key.isEmpty() || value.isEmpty() || "tag".equals(rowTypes.get(key.get()))) {
                return false;
            }
            row.put(key.get(), value.get());
            rowTypes.put(key.get(), value.get().getClass().getSimpleName());
        }
        BigInteger time = point.group("time") == null
                ? BigInteger.valueOf(options.defaultTimeNs())
                : new BigInteger(point.group("time"))
                        .multiply(BigInteger.valueOf(options.precision().nanoseconds()));
        if (table.isEmpty()
                || row.containsKey("time")
                || time.bitLength() > 63
                || !PartitionTemplate.isInRange(time.longValue())) {
            return false;
        }
        Map<String, String> tableTypes = types.getOrDefault(table.get(), Map.of());
        for (var type : rowTypes.entrySet()) {
            if (!tableTypes.getOrDefault(type.getKey(), type.getValue()).equals(type.getValue())) {
                return false;
            }
        }
        row.put("time", time.longValue());
        types.computeIfAbsent(table.get(), t -> new HashMap<>()).putAll(rowTypes);
        tables.computeIfAbsent(table.get(), t -> new ArrayList<>()).add(row);
        return true;
    }

    private static Optional<Object> value(String text) {
        if (text.startsWith("\"")) {
            return utf8(unescape(text.substring(1, text.length() - 1), "[\"\\\\]"))
                    .map(s -> s);
        }
        if (text.matches(BOOLEAN)) {
            return Optional.of(text.toLowerCase(java.util.Locale.ROOT).startsWith("t"));
        }
        if (text.endsWith("i") || text.endsWith("u")) {
            var number = new BigInteger(text.substring(0, text.length() - 1));
            if (text.endsWith("u")) {
                return number.bitLength() > 64 ? Optional.empty() : Optional.of(number);
            }
            return number.bitLength() > 63 ? Optional.empty() : Optional.of(number.longValue());
        }
        double value = Double.parseDouble(text);
        return Double.isInfinite(value) ? Optional.empty() : Optional.of(value);
    }

    private static String unescape(String text, String escapable) {
        return text.replaceAll("\\\\(" + escapable + ")", "$1");
    }

    private static Optional<String> name(String text) {
        return utf8(text).filter(name -> text.length() <= 255 && name.chars().noneMatch(Character::isISOControl));
    }

    private static Optional<String> utf8(String text) {
        try {
            return Optional.of(StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(text.getBytes(StandardCharsets.ISO_8859_1)))
                    .toString());
        } catch (CharacterCodingException e) {
            return Optional.empty();
        }
    }
}
