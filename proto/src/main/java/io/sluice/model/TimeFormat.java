package io.sluice.model;

import java.time.DateTimeException;
import java.time.LocalDate;
import java.time.temporal.IsoFields;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/// The time part of a [PartitionTemplate]: how UTC time is cut into stretches, numbered upwards in time, and how each
/// is written. Immutable.
final class TimeFormat {
    private static final long SECOND_NS = 1_000_000_000L;
    private static final long MINUTE_NS = 60 * SECOND_NS;
    private static final long HOUR_NS = 60 * MINUTE_NS;
    private static final int DAYS_PER_WEEK = 7;
    /// Weeks begin on Mondays, and day 0 is a Thursday.
    private static final int DAYS_FROM_MONDAY = 3;

    private static final int MONTHS = 12;
    private static final int HOURS = 24;
    private static final int MINUTES = 60;
    private static final String LITERALS = "-_.: ";

    /// A field of a date or time of day; each has a fixed width, so that what was written can be read.
    private enum Field {
        YEAR('Y', 4),
        MONTH('m', 2),
        DAY('d', 2),
        DAY_OF_YEAR('j', 3),
        HOUR('H', 2),
        MINUTE('M', 2),
        WEEK_YEAR('G', 4),
        WEEK('V', 2);

        private final char letter;
        private final int width;

        Field(char letter, int width) {
            this.letter = letter;
            this.width = width;
        }

        static Optional<Field> of(char letter) {
            for (Field field : values()) {
                if (field.letter == letter) {
                    return Optional.of(field);
                }
            }
            return Optional.empty();
        }
    }

    private enum Unit {
        YEAR,
        MONTH,
        WEEK,
        DAY,
        HOUR,
        MINUTE
    }

    /// A literal character, or a field.
    private record Element(char literal, Optional<Field> field) {}

    private final String text;
    private final List<Element> elements;
    private final Unit unit;

    private TimeFormat(String text, List<Element> elements, Unit unit) {
        this.text = text;
        this.elements = elements;
        this.unit = unit;
    }

    /// @throws IllegalArgumentException if the text is no format, or does not name stretches of time: `%d`
    ///     alone is a day of every month
    static TimeFormat parse(String text) {
        List<Element> elements = new ArrayList<>();
        Set<Field> fields = EnumSet.noneOf(Field.class);
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '%' && i + 1 < text.length()) {
                char letter = text.charAt(++i);
                Field field = Field.of(letter).orElseThrow(() -> wrong(text, "'%%%c' is not known".formatted(letter)));
                if (!fields.add(field)) {
                    throw wrong(text, "'%%%c' stands twice".formatted(letter));
                }
                elements.add(new Element('%', Optional.of(field)));
            } else if (isLiteral(c)) {
                elements.add(new Element(c, Optional.empty()));
            } else {
                throw wrong(text, "'%c' is not allowed".formatted(c));
            }
        }
        Unit unit = unit(fields).orElseThrow(() -> wrong(text, "it names no stretch of time"));
        return new TimeFormat(text, List.copyOf(elements), unit);
    }

    private static boolean isLiteral(char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || LITERALS.indexOf(c) >= 0;
    }

    private static IllegalArgumentException wrong(String text, String why) {
        return new IllegalArgumentException(
                "time format '%s': %s: expected letters, digits, '%s' and %%Y, %%Y %%m, %%G %%V, %%Y %%m %%d or %%Y %%j, the last two with %%H or %%H %%M"
                        .formatted(text, why, LITERALS));
    }

    private static Optional<Unit> unit(Set<Field> fields) {
        if (fields.equals(EnumSet.of(Field.YEAR))) {
            return Optional.of(Unit.YEAR);
        }
        if (fields.equals(EnumSet.of(Field.YEAR, Field.MONTH))) {
            return Optional.of(Unit.MONTH);
        }
        if (fields.equals(EnumSet.of(Field.WEEK_YEAR, Field.WEEK))) {
            return Optional.of(Unit.WEEK);
        }
        Set<Field> day = EnumSet.copyOf(fields);
        boolean hasHour = day.remove(Field.HOUR);
        boolean hasMinute = day.remove(Field.MINUTE);
        if (!day.equals(EnumSet.of(Field.YEAR, Field.MONTH, Field.DAY))
                && !day.equals(EnumSet.of(Field.YEAR, Field.DAY_OF_YEAR))) {
            return Optional.empty();
        }
        if (hasMinute) {
            return hasHour ? Optional.of(Unit.MINUTE) : Optional.empty();
        }
        return Optional.of(hasHour ? Unit.HOUR : Unit.DAY);
    }

    String text() {
        return text;
    }

    /// The number of the stretch that holds a timestamp.
    long slot(long timestampNs) {
        return switch (unit) {
            case MINUTE -> Math.floorDiv(timestampNs, MINUTE_NS);
            case HOUR -> Math.floorDiv(timestampNs, HOUR_NS);
            case DAY -> day(timestampNs);
            case WEEK -> Math.floorDiv(day(timestampNs) + DAYS_FROM_MONDAY, DAYS_PER_WEEK);
            case MONTH -> month(LocalDate.ofEpochDay(day(timestampNs)));
            case YEAR -> LocalDate.ofEpochDay(day(timestampNs)).getYear();
        };
    }

    private static long day(long timestampNs) {
        return Math.floorDiv(timestampNs, PartitionTemplate.DAY_NS);
    }

    private static long month(LocalDate date) {
        return (long) date.getYear() * MONTHS + date.getMonthValue() - 1;
    }

    /// The first timestamp of a stretch, nanoseconds since the epoch.
    ///
    /// @throws ArithmeticException if it does not fit
    long startNs(long slot) {
        return switch (unit) {
            case MINUTE -> Math.multiplyExact(slot, MINUTE_NS);
            case HOUR -> Math.multiplyExact(slot, HOUR_NS);
            case DAY, WEEK, MONTH, YEAR -> Math.multiplyExact(firstDay(slot), PartitionTemplate.DAY_NS);
        };
    }

    /// The day that a stretch of a day or longer begins with.
    private long firstDay(long slot) {
        return switch (unit) {
            case MINUTE -> Math.floorDiv(slot, (long) HOURS * MINUTES);
            case HOUR -> Math.floorDiv(slot, HOURS);
            case DAY -> slot;
            case WEEK -> slot * DAYS_PER_WEEK - DAYS_FROM_MONDAY;
            case MONTH ->
                LocalDate.of((int) Math.floorDiv(slot, MONTHS), Math.floorMod(slot, MONTHS) + 1, 1)
                        .toEpochDay();
            case YEAR -> LocalDate.of((int) slot, 1, 1).toEpochDay();
        };
    }

    /// How a stretch is written.
    String render(long slot) {
        LocalDate date = LocalDate.ofEpochDay(firstDay(slot));
        long minute = unit == Unit.MINUTE ? slot : slot * MINUTES;
        StringBuilder rendered = new StringBuilder(text.length() + Field.values().length);
        for (Element element : elements) {
            if (element.field().isEmpty()) {
                rendered.append(element.literal());
                continue;
            }
            Field field = element.field().get();
            int value = switch (field) {
                case YEAR -> date.getYear();
                case MONTH -> date.getMonthValue();
                case DAY -> date.getDayOfMonth();
                case DAY_OF_YEAR -> date.getDayOfYear();
                case WEEK_YEAR -> date.get(IsoFields.WEEK_BASED_YEAR);
                case WEEK -> date.get(IsoFields.WEEK_OF_WEEK_BASED_YEAR);
                case HOUR -> Math.floorMod(Math.floorDiv(minute, MINUTES), HOURS);
                case MINUTE -> Math.floorMod(minute, MINUTES);
            };
            rendered.append(String.format(Locale.ROOT, "%0" + field.width + "d", value));
        }
        return rendered.toString();
    }

    /// The stretch that is written so.
    ///
    /// @throws IllegalArgumentException if none is
    long slotOf(String rendered) {
        int[] values = new int[Field.values().length];
        int at = 0;
        try {
            for (Element element : elements) {
                int width = element.field().map(field -> field.width).orElse(1);
                String found = rendered.substring(at, at + width);
                at += width;
                if (element.field().isPresent()) {
                    values[element.field().get().ordinal()] = Integer.parseInt(found);
                }
            }
            long slot = slotOf(values);
            // Also what the reading above is too lenient about: signs, literals, what stands behind.
            if (render(slot).equals(rendered)) {
                return slot;
            }
        } catch (StringIndexOutOfBoundsException | NumberFormatException | DateTimeException e) {
            throw new IllegalArgumentException("'%s' is no time of format '%s'".formatted(rendered, text), e);
        }
        throw new IllegalArgumentException("'%s' is no time of format '%s'".formatted(rendered, text));
    }

    private long slotOf(int[] values) {
        int year = values[Field.YEAR.ordinal()];
        return switch (unit) {
            case YEAR -> year;
            case MONTH -> month(LocalDate.of(year, values[Field.MONTH.ordinal()], 1));
            case WEEK -> {
                // The fourth of January is in the first week of its year.
                long first =
                        LocalDate.of(values[Field.WEEK_YEAR.ordinal()], 1, 4).toEpochDay();
                yield Math.floorDiv(first + DAYS_FROM_MONDAY, DAYS_PER_WEEK) + values[Field.WEEK.ordinal()] - 1;
            }
            case DAY -> date(year, values);
            case HOUR -> date(year, values) * HOURS + values[Field.HOUR.ordinal()];
            case MINUTE ->
                (date(year, values) * HOURS + values[Field.HOUR.ordinal()]) * MINUTES + values[Field.MINUTE.ordinal()];
        };
    }

    private static long date(int year, int[] values) {
        int dayOfYear = values[Field.DAY_OF_YEAR.ordinal()];
        LocalDate date = dayOfYear > 0
                ? LocalDate.ofYearDay(year, dayOfYear)
                : LocalDate.of(year, values[Field.MONTH.ordinal()], values[Field.DAY.ordinal()]);
        return date.toEpochDay();
    }
}
