package io.sluice.persist.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class PostgresAddressTest {
    private static Optional<String> environment(String variable) {
        return Optional.ofNullable(
                Map.of("PGUSER", "from-env", "PGPASSWORD", "env-secret").get(variable));
    }

    private static PostgresAddress parse(String address) {
        return PostgresAddress.parse(address, PostgresAddressTest::environment);
    }

    @Test
    void whatIsInTheAddressWinsOverTheEnvironment() {
        PostgresAddress address = parse("postgresql://me:p%40ss@db:5433/metrics");
        assertThat(address.user()).contains("me");
        assertThat(address.password()).contains("p@ss");
        assertThat(address.jdbcUrl()).isEqualTo("jdbc:postgresql://db:5433/metrics");
        assertThat(parse("postgres://db/metrics?user=you&password=a+b").user()).contains("you");
        assertThat(parse("postgres://db/metrics?user=you&password=a+b").password())
                .contains("a+b");
    }

    @Test
    void whatIsNotComesFromTheEnvironment() {
        PostgresAddress address = parse("postgresql://db/metrics");
        assertThat(address.user()).contains("from-env");
        assertThat(address.password()).contains("env-secret");
        assertThat(parse("postgresql://me@db/metrics").password()).contains("env-secret");
    }

    @Test
    void parametersGoToTheDriverSaveTheSchema() {
        PostgresAddress address = parse("postgresql://a,b:5433/metrics?sslmode=verify-full&currentSchema=mine");
        assertThat(address.schema()).isEqualTo("mine");
        assertThat(address.parameters()).isEqualTo(Map.of("sslmode", "verify-full"));
        assertThat(address.hasSeveralHosts()).isTrue();
        assertThat(parse("postgresql://a/metrics").schema()).isEqualTo("sluice");
    }

    @Test
    void peopleSeeNeitherUserNorPassword() {
        assertThat(parse("postgresql://me:secret@DB:5433/metrics?sslpassword=secret"))
                .hasToString("postgresql://db:5433/metrics");
        assertThat(parse("postgresql://db/metrics?password=secret&currentSchema=mine"))
                .hasToString("postgresql://db/metrics?currentSchema=mine");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "postgresql:",
                "postgresql://me:secret@/metrics",
                "postgresql://me:secret@db",
                "postgresql://me:secret@db/",
                "postgresql://me:secret@db/metrics?secret",
                "postgresql://me:secret@db/metrics?currentSchema=\"secret",
                "postgresql://me:se@cret@db/metrics",
            })
    void whatIsNoAddressIsRefusedAndNotRepeated(String wrong) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> parse(wrong))
                .satisfies(e -> assertThat(String.valueOf(e.getMessage()).replace("\"secret", ""))
                        .contains("expected")
                        .doesNotContain("secret")
                        .doesNotContain("cret@"));
    }
}
