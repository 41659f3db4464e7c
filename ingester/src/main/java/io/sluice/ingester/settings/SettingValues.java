package io.sluice.ingester.settings;

import java.net.InetSocketAddress;
import java.net.URI;
import java.time.DateTimeException;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Reads the values of settings, and says of one that makes no sense where it comes from and what was expected.
public final class SettingValues {
    private static final Pattern SIZE = Pattern.compile("(\\d+)\\s*((?:[KMGT]i?)?B?)", Pattern.CASE_INSENSITIVE);
    private static final Pattern SHARE = Pattern.compile("(\\d{1,2})\\s*%");
    private static final Pattern DURATION = Pattern.compile("(\\d+)\\s*(us|ms|s|m|h|d)");

    /// An IPv6 address only in brackets: its last group could be the port otherwise.
    private static final Pattern ADDRESS =
            Pattern.compile("(?<host>[^\\[\\]:]+|\\[[^\\[\\]]*:[^\\[\\]]*\\]):(?<port>\\d{1,5})");

    /// Durations are computed with in nanoseconds.
    private static final int MAX_DAYS = 3_650;

    private final SettingLayers layers;

    SettingValues(SettingLayers layers) {
        this.layers = layers;
    }

    private SettingLayers.Value value(Setting setting) {
        return layers.value(setting);
    }

    private InvalidSettingException invalid(Setting setting, String expected) {
        SettingLayers.Value value = value(setting);
        return new InvalidSettingException("%s is '%s': expected %s".formatted(value.where(), value.text(), expected));
    }

    /// Empty if the setting has no value of its own.
    public Optional<String> find(Setting setting) {
        return Optional.of(value(setting).text()).filter(text -> !text.isEmpty());
    }

    /// A value of any form.
    public <T> T parse(Setting setting, String expected, Function<String, T> parser) throws InvalidSettingException {
        try {
            return parser.apply(value(setting).text());
        } catch (IllegalArgumentException | DateTimeException | ArithmeticException e) {
            throw invalid(setting, expected);
        }
    }

    /// An address that begins with a scheme, such as `file:DIR`.
    ///
    /// @param otherwise the address if none was chosen
    /// @param check throws [IllegalArgumentException], which says what is wrong, and tells no password
    public String address(Setting setting, String otherwise, Consumer<String> check) throws InvalidSettingException {
        String address = find(setting).orElse(otherwise);
        try {
            check.accept(address);
            return address;
        } catch (IllegalArgumentException e) {
            throw new InvalidSettingException("%s: %s".formatted(value(setting).where(), e.getMessage()));
        }
    }

    /// An address of HTTP; empty if there is none.
    public Optional<URI> endpoint(Setting setting) throws InvalidSettingException {
        if (find(setting).isEmpty()) {
            return Optional.empty();
        }
        return Optional.of(parse(setting, "http://HOST:PORT or https://HOST", SettingValues::parseEndpoint));
    }

    /// Reads `http://HOST:PORT` or `https://HOST`, without a path.
    public static URI parseEndpoint(String text) {
        URI uri = URI.create(text);
        boolean isHttp = "http".equals(uri.getScheme()) || "https".equals(uri.getScheme());
        boolean isBare = uri.getUserInfo() == null
                && uri.getQuery() == null
                && Set.of("", "/").contains(uri.getPath());
        if (!isHttp || uri.getHost() == null || !isBare) {
            throw new IllegalArgumentException(text);
        }
        return uri;
    }

    /// A number within bounds, both inclusive.
    public int number(Setting setting, int min, int max) throws InvalidSettingException {
        String expected = "a number from %d to %d".formatted(min, max);
        int number = parse(setting, expected, Integer::parseInt);
        if (number < min || number > max) {
            throw invalid(setting, expected);
        }
        return number;
    }

    /// A size within bounds: `67108864`, `64MiB`, `64MB`.
    public long bytes(Setting setting, long min, long max) throws InvalidSettingException {
        String expected = "a size such as 64MiB, from %d to %d bytes".formatted(min, max);
        return bytes(setting, min, max, expected, SettingValues::parseBytes);
    }

    private long bytes(Setting setting, long min, long max, String expected, Function<String, Long> parser)
            throws InvalidSettingException {
        long bytes = parse(setting, expected, parser);
        if (bytes < min || bytes > max) {
            throw invalid(setting, expected);
        }
        return bytes;
    }

    /// A size as [#bytes]; if none was chosen, the default or `most`, whichever is less.
    public long bytesAtMost(Setting setting, long min, long max, long most) throws InvalidSettingException {
        if (find(setting).isEmpty()) {
            return most;
        }
        long bytes = bytes(setting, min, max);
        return value(setting).isDefault() ? Math.min(bytes, most) : bytes;
    }

    /// A size as [#bytesAtMost], or a share of the ledger such as `40%`.
    ///
    /// @param ledgerBytes that a share is of
    public long bytesOrShareAtMost(Setting setting, long min, long max, long most, long ledgerBytes)
            throws InvalidSettingException {
        String expected = "a size such as 64MiB, from %d to %d bytes, or a share such as 40%% of the ledger's %d bytes"
                .formatted(min, max, ledgerBytes);
        long bytes = bytes(
                setting, min, max, expected, text -> isShare(text) ? parseShare(text, ledgerBytes) : parseBytes(text));
        return value(setting).isDefault() ? Math.min(bytes, most) : bytes;
    }

    /// Whether a value is written as a share, `40%`.
    static boolean isShare(String text) {
        return text.strip().endsWith("%");
    }

    private static long parseShare(String text, long wholeBytes) {
        Matcher matcher = SHARE.matcher(text.strip());
        if (!matcher.matches()) {
            throw new IllegalArgumentException(text);
        }
        return wholeBytes / 100 * Long.parseLong(matcher.group(1));
    }

    /// Reads `67108864`, `64MiB` or `64MB`.
    public static long parseBytes(String text) {
        Matcher matcher = SIZE.matcher(text.strip());
        if (!matcher.matches()) {
            throw new IllegalArgumentException(text);
        }
        String unit = matcher.group(2).toUpperCase(Locale.ROOT);
        long base = unit.contains("I") ? 1_024 : 1_000;
        long factor = 1;
        for (int power = unit.isEmpty() ? 0 : "KMGT".indexOf(unit.charAt(0)) + 1; power > 0; power--) {
            factor *= base;
        }
        try {
            return Math.multiplyExact(Long.parseLong(matcher.group(1)), factor);
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException(text, e);
        }
    }

    /// A positive duration: `250ms`, `25s`, `5m`, `1h`, or ISO-8601.
    public Duration duration(Setting setting) throws InvalidSettingException {
        return duration(setting, MAX_DAYS);
    }

    /// The same of at most some days.
    public Duration duration(Setting setting, int maxDays) throws InvalidSettingException {
        String expected = "a duration such as 500ms, 25s, 5m or 1h, more than 0 and at most %dd".formatted(maxDays);
        Duration duration = parse(setting, expected, SettingValues::parseDuration);
        if (!duration.isPositive() || duration.compareTo(Duration.ofDays(maxDays)) > 0) {
            throw invalid(setting, expected);
        }
        return duration;
    }

    /// A duration that may be 0.
    public Duration durationOrZero(Setting setting, Duration max) throws InvalidSettingException {
        String expected = "a duration such as 0ms or 1ms, from 0 to %d ms".formatted(max.toMillis());
        Duration duration = parse(setting, expected, SettingValues::parseDuration);
        if (duration.isNegative() || duration.compareTo(max) > 0) {
            throw invalid(setting, expected);
        }
        return duration;
    }

    /// Reads `500ms`, `25s`, `5m`, `1h`, `2d` or ISO-8601.
    public static Duration parseDuration(String text) {
        Matcher matcher = DURATION.matcher(text.strip());
        if (!matcher.matches()) {
            return Duration.parse(text.strip());
        }
        long number = Long.parseLong(matcher.group(1));
        return switch (matcher.group(2)) {
            case "us" -> Duration.ofNanos(Math.multiplyExact(number, 1_000));
            case "ms" -> Duration.ofMillis(number);
            case "s" -> Duration.ofSeconds(number);
            case "m" -> Duration.ofMinutes(number);
            case "h" -> Duration.ofHours(number);
            default -> Duration.ofDays(number);
        };
    }

    /// Host and port.
    public InetSocketAddress address(Setting setting) throws InvalidSettingException {
        return parse(setting, "HOST:PORT, such as 127.0.0.1:8086", SettingValues::parseAddress);
    }

    /// Reads `HOST:PORT`; the host may be an IPv6 address in brackets.
    public static InetSocketAddress parseAddress(String text) {
        Matcher matcher = ADDRESS.matcher(text);
        if (!matcher.matches()) {
            throw new IllegalArgumentException(text);
        }
        InetSocketAddress address =
                new InetSocketAddress(matcher.group("host"), Integer.parseInt(matcher.group("port")));
        if (address.isUnresolved()) {
            throw new IllegalArgumentException(text);
        }
        return address;
    }

    /// True or false.
    public boolean flag(Setting setting) throws InvalidSettingException {
        return parse(setting, "true or false", text -> switch (text) {
            case "true" -> true;
            case "false" -> false;
            default -> throw new IllegalArgumentException(text);
        });
    }
}
