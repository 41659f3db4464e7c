package io.sluice.ingester.lineprotocol;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DecimalsTest {
    private static final long SEED = 20_251_121;
    /// Of about eight numbers each; `-Dsluice.decimals.rounds` makes it more.
    private static final int ROUNDS = Integer.getInteger("sluice.decimals.rounds", 250_000);

    @Test
    void millionsOfNumbersAreRoundedAsTheJdkRoundsThem() {
        var random = new Random(SEED);
        for (int i = 0; i < ROUNDS; i++) {
            double any = Double.longBitsToDouble(random.nextLong());
            if (Double.isFinite(any)) {
                check(Double.toString(any));
                checkHalfwayAbove(Math.abs(any), random);
            }
            check(Double.toString(random.nextGaussian() * 100));
            check(Long.toString(random.nextLong() >> random.nextInt(64)));
            check("%d.%d".formatted(random.nextInt(1_000_000), random.nextInt(1_000_000_000)));
            check("%de%d".formatted(random.nextLong(), random.nextInt(700) - 350));
            check("-0.%s%d".formatted("0".repeat(random.nextInt(20)), random.nextLong() & Long.MAX_VALUE));
            check(Double.toString(Double.longBitsToDouble(random.nextLong(1L << 53)))); // the smallest, with subnormals
            check("%d%d.%d%de%d"
                    .formatted(
                            random.nextLong() & Long.MAX_VALUE,
                            random.nextLong() & Long.MAX_VALUE,
                            random.nextLong() & Long.MAX_VALUE,
                            random.nextLong() & Long.MAX_VALUE,
                            random.nextInt(80) - 40));
        }
    }

    /// The number in the middle between two doubles, and those a little above and below it.
    private static void checkHalfwayAbove(double low, Random random) {
        double high = Math.nextUp(low);
        if (Double.isInfinite(high) || random.nextInt(8) != 0) {
            return;
        }
        BigDecimal middle = new BigDecimal(low).add(new BigDecimal(high)).divide(BigDecimal.valueOf(2));
        String digits = middle.unscaledValue().toString();
        check(digits + "e" + -middle.scale());
        check(digits + "1e" + (-middle.scale() - 1));
        check(middle.unscaledValue().subtract(BigInteger.ONE) + "e" + -middle.scale());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "0",
                "-0",
                "0.0",
                "-0.0e5",
                "1",
                "1.",
                ".5",
                "-.5",
                "1e22",
                "1e23",
                "1e-22",
                "1e-23",
                "9007199254740992",
                "9007199254740993",
                "9007199254740993e0",
                "0.000000000000000000000000000000000000001",
                "1e308",
                "1e309",
                "-1e309",
                "1.7976931348623157e308",
                "1.7976931348623158e308",
                "1.7976931348623159e308",
                "4.9e-324",
                "2.4703282292062327e-324",
                "2.4703282292062328e-324",
                "2.2250738585072011e-308",
                "1e-400",
                "1e99999999999",
                "1e-99999999999",
                "0e99999999999",
                "000000000000000000000000000000000001",
                "123456789012345678",
                "1234567890123456789",
                "12345678901234567890",
                "0.1234567890123456789012345",
                "1E5",
                "1e+5",
                "1e-05",
                "8.5",
                "123456789012345678e-18",
                "5e-1",
                "17976931348623157081452742373170435679807056752584499659891747680315726078002853876058955863276687817154045895351438246423432132688946418276846754670353751698604991057655128207624549009038932894407586850845513394230458323690322294816580855933212334774797826204144723168738177180919299881250404026184124858368"
            })
    void edgesAreRoundedAsTheJdkRoundsThem(String text) {
        check(text);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "-",
                ".",
                "-.",
                "+1",
                "1e",
                "1e+",
                "1e-",
                "e5",
                ".e5",
                "1.1.1",
                "1_000",
                "1d",
                "1f",
                "0x10",
                "NaN",
                "Infinity",
                "-Infinity",
                " 1",
                "1 ",
                "--1",
                "1e5.5",
                "1-",
                "1e5e5",
                "１"
            })
    void whatIsNoNumberIsNotTakenForOne(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        assertThat(Decimals.parse(bytes, 0, bytes.length)).isNaN();
    }

    private static void check(String text) {
        byte[] bytes = (" " + text + "9").getBytes(StandardCharsets.ISO_8859_1);
        double found = Decimals.parse(bytes, 1, bytes.length - 1);
        double expected = Double.parseDouble(text);
        if (Double.doubleToRawLongBits(found) != Double.doubleToRawLongBits(expected)) {
            throw new AssertionError(
                    "seed %d: '%s' was read as %s: expected %s".formatted(SEED, text, found, expected));
        }
    }
}
