package io.sluice.ingester.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.entry;

import org.junit.jupiter.api.Test;

final class QueryStringTest {
    @Test
    void namesAndValuesAreDecoded() throws HttpError {
        assertThat(QueryString.parse("bucket=a%2Fb+c&p%72ecision=%c2%b5s"))
                .containsOnly(entry("bucket", "a/b c"), entry("precision", "\u00b5s"));
    }

    @Test
    void bytesThatAClientDidNotEncodeAreUtf8AsWell() throws HttpError {
        // The JDK's server hands each byte on as one char.
        assertThat(QueryString.parse("db=caf\u00c3\u00a9")).containsEntry("db", "caf\u00e9");
        assertThatThrownBy(() -> QueryString.parse("db=caf\u00e9")).hasMessageContaining("not UTF-8");
    }

    @Test
    void emptyPartsMeanNothingAndAValueMayBeMissingOrHoldAnEqualsSign() throws HttpError {
        assertThat(QueryString.parse("")).isEmpty();
        assertThat(QueryString.parse("&&a&b=&c=d=e&"))
                .containsEntry("a", "")
                .containsEntry("b", "")
                .containsEntry("c", "d=e")
                .hasSize(3);
    }

    @Test
    void ofSeveralParametersWithOneNameTheLastCounts() throws HttpError {
        assertThat(QueryString.parse("db=a&db=b")).containsEntry("db", "b").hasSize(1);
    }

    @Test
    void aPercentSignWithoutTwoDigitsIsNamed() {
        for (String bad : new String[] {"a=%", "a=%4", "a=%4g", "a=%-1", "a=%+1", "%=1"}) {
            assertThatThrownBy(() -> QueryString.parse(bad))
                    .as(bad)
                    .isInstanceOfSatisfying(
                            HttpError.class, e -> assertThat(e.status).isEqualTo(400))
                    .hasMessageContaining("'%' without two hexadecimal digits");
        }
    }

    @Test
    void whatIsNoUtf8BecomesNoOtherName() {
        for (String bad : new String[] {"a=%ff", "a=%c3", "a=%c3%28", "a=%ed%a0%80", "a=%c0%af"}) {
            assertThatThrownBy(() -> QueryString.parse(bad)).as(bad).hasMessageContaining("not UTF-8");
        }
    }
}
