package io.sluice.model;

import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/// How the rows of a namespace are cut into partitions: by time, by tags' values, or both. A namespace keeps its
/// template for ever. Immutable; equal if the texts are.
///
/// The text of a template is up to [#MAX_PARTS] parts, joined by `|`, each a tag (`tag:host`) or, at most one of
/// them, a time format: `%Y-%m-%d|tag:region|tag:host`. In a tag's name `| ! ^ # %` are escaped as in keys. A time
/// format has, besides letters, digits and `-_.:` and space:
///
/// | a partition for each UTC | needs           |                                   |
/// |--------------------------|-----------------|-----------------------------------|
/// | year                     | `%Y`            | `2026`                            |
/// | month                    | `%Y %m`         | `2026`, `11`                      |
/// | ISO week                 | `%G %V`         | `2026`, `47`                      |
/// | day                      | `%Y %m %d`      | `2026`, `11`, `21`                |
/// | the same                 | `%Y %j`         | `2026`, `325`                     |
/// | hour                     | a day with `%H` | `00` to `23`                      |
/// | minute                   | an hour with `%M` | `00` to `59`                    |
///
/// A key has the same parts, joined by `|`: `2026-11-21|eu|web-1`; [TagPart] tells how a tag's value stands in it. Rows
/// share a key exactly if they share the stretch of time and the tags' values; a column that the table does not have is
/// missing in all rows.
///
/// A timestamp is in range if its date is of the years 1678 to 2261, those that 64-bit nanoseconds cover in full.
public final class PartitionTemplate {
    /// One UTC day for each partition.
    public static final PartitionTemplate DAILY = new PartitionTemplate("%Y-%m-%d");

    /// Nanoseconds in the partition of a [#DAILY] template.
    public static final long DAY_NS = 86_400_000_000_000L;

    /// The most parts of a template.
    public static final int MAX_PARTS = 8;

    /// The longest text of a template, in characters.
    public static final int MAX_LENGTH = 4_096;

    /// The first timestamp in range, nanoseconds since the epoch, inclusive: 1678-01-01T00:00:00Z.
    public static final long MIN_TIMESTAMP_NS = nanos("1678-01-01T00:00:00Z");

    /// The last timestamp in range, nanoseconds since the epoch, inclusive: 2261-12-31T23:59:59.999999999Z.
    public static final long MAX_TIMESTAMP_NS = nanos("2262-01-01T00:00:00Z") - 1;

    private static final String TAG = "tag:";

    private final String text;
    /// In the order of the parts; the time's is empty.
    private final List<Optional<ColumnName>> parts;
    private final Optional<TimeFormat> time;
    private final List<ColumnName> tags;

    /// Reads a template's text.
    ///
    /// @throws IllegalArgumentException if it is none; the message says which part is wrong, and why
    public PartitionTemplate(String text) {
        if (text.length() > MAX_LENGTH) {
            throw new IllegalArgumentException("partition template is %d characters long: expected at most %d"
                    .formatted(text.length(), MAX_LENGTH));
        }
        String[] texts = text.split("\\|", -1);
        if (texts.length > MAX_PARTS) {
            throw new IllegalArgumentException("partition template '%s' has %d parts: expected at most %d"
                    .formatted(text, texts.length, MAX_PARTS));
        }
        List<Optional<ColumnName>> read = new ArrayList<>();
        Optional<TimeFormat> format = Optional.empty();
        Set<ColumnName> names = new HashSet<>();
        for (String part : texts) {
            try {
                if (part.startsWith(TAG)) {
                    ColumnName tag = new ColumnName(KeyText.unescape(part.substring(TAG.length())));
                    if (tag.equals(ColumnSchema.TIME_NAME) || !names.add(tag)) {
                        throw new IllegalArgumentException("expected a tag that no other part names");
                    }
                    read.add(Optional.of(tag));
                } else if (part.indexOf('%') < 0) {
                    throw new IllegalArgumentException("expected 'tag:NAME' or a time format as '%Y-%m-%d'");
                } else if (format.isPresent()) {
                    throw new IllegalArgumentException("expected one time format");
                } else {
                    format = Optional.of(TimeFormat.parse(part));
                    read.add(Optional.empty());
                }
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException(
                        "partition template '%s', part '%s': %s".formatted(text, part, e.getMessage()), e);
            }
        }
        this.time = format;
        this.parts = List.copyOf(read);
        this.tags = read.stream().flatMap(Optional::stream).toList();
        // One text for each template, however somebody escaped it.
        this.text = read.stream()
                .map(tag -> tag.map(name -> TAG + KeyText.escape(name.value()))
                        .orElseGet(() -> time.map(TimeFormat::text).orElseThrow()))
                .collect(Collectors.joining(String.valueOf(KeyText.SEPARATOR)));
    }

    /// As it stands in the catalog.
    public String text() {
        return text;
    }

    /// The tags by which rows are cut, in the order of their parts; often none.
    public List<ColumnName> tags() {
        return tags;
    }

    /// The number of the stretch of time that holds a timestamp: of two rows that have the same values of all
    /// [tags][#tags], equal exactly when the keys are. Never falls as time rises; the same for all timestamps if
    /// the template has no time.
    ///
    /// @param timestampNs nanoseconds since the epoch, in range
    public long slot(long timestampNs) {
        return time.isPresent() ? time.get().slot(timestampNs) : 0;
    }

    /// The first timestamp of the stretch with this number, nanoseconds since the epoch, inclusive.
    public long slotStartNs(long slot) {
        return time.isPresent() ? time.get().startNs(slot) : MIN_TIMESTAMP_NS;
    }

    /// The first timestamp after the stretch with this number, nanoseconds since the epoch.
    public long slotEndNs(long slot) {
        return time.isPresent() ? time.get().startNs(slot + 1) : MAX_TIMESTAMP_NS + 1;
    }

    /// The key of the partition of this number.
    ///
    /// @throws IllegalArgumentException if the template has tags
    public PartitionKey key(long slot) {
        return key(slot, List.of());
    }

    /// The key of the partition of this number and these values of the tags.
    ///
    /// @param values of each of [#tags]
    /// @throws IllegalArgumentException if there are more or fewer of them
    public PartitionKey key(long slot, List<TagPart> values) {
        if (values.size() != tags.size()) {
            throw new IllegalArgumentException(
                    "%d values for the %d tags of partition template '%s'".formatted(values.size(), tags.size(), text));
        }
        StringBuilder key = new StringBuilder();
        int tag = 0;
        for (Optional<ColumnName> part : parts) {
            if (!key.isEmpty()) {
                key.append(KeyText.SEPARATOR);
            }
            key.append(
                    part.isPresent()
                            ? values.get(tag++).rendered()
                            : time.orElseThrow().render(slot));
        }
        return new PartitionKey(key.toString());
    }

    /// The first timestamp that rows of a partition may have, nanoseconds since the epoch, inclusive.
    ///
    /// @throws IllegalArgumentException if `key` is not of this template
    public long startNs(PartitionKey key) {
        return slotStartNs(slot(key));
    }

    /// The first timestamp above those that rows of a partition may have, nanoseconds since the epoch.
    ///
    /// @throws IllegalArgumentException if `key` is not of this template
    public long endNs(PartitionKey key) {
        return slotEndNs(slot(key));
    }

    /// What all rows of a partition have in each of [#tags].
    ///
    /// @throws IllegalArgumentException if `key` is not of this template
    public List<TagPart> tagParts(PartitionKey key) {
        String[] texts = split(key);
        List<TagPart> values = new ArrayList<>(tags.size());
        for (int i = 0; i < texts.length; i++) {
            if (parts.get(i).isPresent()) {
                values.add(TagPart.parse(texts[i]));
            }
        }
        return values;
    }

    private long slot(PartitionKey key) {
        String[] texts = split(key);
        for (int i = 0; i < texts.length; i++) {
            if (parts.get(i).isEmpty()) {
                try {
                    long slot = time.orElseThrow().slotOf(texts[i]);
                    var _ = slotEndNs(slot);
                    return slot;
                } catch (IllegalArgumentException | ArithmeticException e) {
                    throw new IllegalArgumentException(
                            "partition key '%s' is not of template '%s': %s".formatted(key, text, e.getMessage()), e);
                }
            }
        }
        return 0;
    }

    private String[] split(PartitionKey key) {
        String[] texts = key.value().split("\\|", -1);
        if (texts.length != parts.size()) {
            throw new IllegalArgumentException("partition key '%s' is not of template '%s': expected %d parts, found %d"
                    .formatted(key, text, parts.size(), texts.length));
        }
        return texts;
    }

    /// Whether rows of this timestamp have a partition.
    public static boolean isInRange(long timestampNs) {
        return timestampNs >= MIN_TIMESTAMP_NS && timestampNs <= MAX_TIMESTAMP_NS;
    }

    private static long nanos(String instant) {
        return Math.multiplyExact(Instant.parse(instant).getEpochSecond(), 1_000_000_000L);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof PartitionTemplate template && text.equals(template.text);
    }

    @Override
    public int hashCode() {
        return text.hashCode();
    }

    @Override
    public String toString() {
        return text;
    }
}
