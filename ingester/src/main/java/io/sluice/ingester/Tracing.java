package io.sluice.ingester;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.autoconfigure.AutoConfiguredOpenTelemetrySdk;
import io.opentelemetry.sdk.autoconfigure.spi.ConfigurationException;
import io.sluice.ingester.settings.InvalidSettingException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/// Traces, as OpenTelemetry's standard variables of the environment ask for them; without those there is nothing, and
/// it costs nothing.
public final class Tracing implements AutoCloseable {
    private static final Duration MAX_FLUSH = Duration.ofSeconds(2);

    /// One of these asks for traces.
    private static final List<String> ENDPOINTS =
            List.of("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");

    private final Optional<OpenTelemetrySdk> sdk;

    private Tracing(Optional<OpenTelemetrySdk> sdk) {
        this.sdk = sdk;
    }

    /// No traces.
    public static Tracing off() {
        return new Tracing(Optional.empty());
    }

    /// Begins to trace if the environment wants it.
    ///
    /// @throws InvalidSettingException if one of OpenTelemetry's variables makes no sense
    public static Tracing open(Map<String, String> environment) throws InvalidSettingException {
        if (!isWanted(environment)) {
            return off();
        }
        try {
            return new Tracing(Optional.of(AutoConfiguredOpenTelemetrySdk.builder()
                    .addPropertiesSupplier(() -> Map.of(
                            "otel.service.name", "sluice",
                            "otel.metrics.exporter", "none",
                            "otel.logs.exporter", "none"))
                    .disableShutdownHook() // a stop closes it when the last query has ended
                    .build()
                    .getOpenTelemetrySdk()));
        } catch (ConfigurationException e) {
            throw new InvalidSettingException("tracing (OTEL_…): " + e.getMessage());
        }
    }

    private static boolean isWanted(Map<String, String> environment) {
        String exporter = environment.getOrDefault("OTEL_TRACES_EXPORTER", "");
        boolean isNamed = !exporter.isBlank() || ENDPOINTS.stream().anyMatch(environment::containsKey);
        return isNamed
                && !exporter.strip().equals("none")
                && !Boolean.parseBoolean(environment.getOrDefault("OTEL_SDK_DISABLED", ""));
    }

    /// What makes spans; does nothing if tracing is off.
    OpenTelemetry api() {
        return sdk.isPresent() ? sdk.get() : OpenTelemetry.noop();
    }

    /// Sends what was recorded, if somebody takes it soon.
    @Override
    public void close() {
        sdk.ifPresent(running -> {
            var _ = running.shutdown().join(MAX_FLUSH.toMillis(), TimeUnit.MILLISECONDS);
        });
    }
}
