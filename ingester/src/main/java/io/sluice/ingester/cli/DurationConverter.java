package io.sluice.ingester.cli;

import io.sluice.ingester.settings.SettingValues;
import java.time.DateTimeException;
import java.time.Duration;
import picocli.CommandLine;

/// Durations as the settings have them: `24h`, `90s`.
final class DurationConverter implements CommandLine.ITypeConverter<Duration> {
    @Override
    public Duration convert(String text) {
        try {
            return SettingValues.parseDuration(text);
        } catch (DateTimeException | IllegalArgumentException | ArithmeticException e) {
            throw new CommandLine.TypeConversionException(
                    "'%s' is no duration such as 500ms, 25s or 24h".formatted(text));
        }
    }
}
