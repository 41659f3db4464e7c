package io.sluice.benches;

import java.util.List;
import java.util.Locale;

/// What was measured of ours and of one peer in a case, one figure for each run of each.
///
/// @param unit ASCII, of all figures
/// @param peer its name
record Comparison(
        String bench,
        String caseName,
        String unit,
        Better better,
        List<Double> ours,
        String peer,
        List<Double> theirs) {
    /// Which figures are the better ones.
    enum Better {
        HIGHER,
        LOWER
    }

    /// @throws IllegalArgumentException if there is no run, a figure is not above zero (there is no ratio
    ///     then), or ours ran more or less often than the peer
    Comparison {
        ours = List.copyOf(ours);
        theirs = List.copyOf(theirs);
        if (ours.isEmpty() || ours.size() != theirs.size()) {
            throw new IllegalArgumentException("%s, %s: expected as many runs of each, found %d and %d"
                    .formatted(caseName, peer, ours.size(), theirs.size()));
        }
        for (List<Double> figures : List.of(ours, theirs)) {
            if (!figures.stream().allMatch(figure -> figure > 0 && Double.isFinite(figure))) {
                throw new IllegalArgumentException(
                        "%s, %s: expected figures above zero, found %s".formatted(caseName, peer, figures));
            }
        }
    }

    double oursMedian() {
        return median(ours);
    }

    double theirsMedian() {
        return median(theirs);
    }

    /// Above 1 if ours is better.
    double ratio() {
        return switch (better) {
            case HIGHER -> oursMedian() / theirsMedian();
            case LOWER -> theirsMedian() / oursMedian();
        };
    }

    /// The one in the middle, or the mean of the two there.
    static double median(List<Double> figures) {
        List<Double> sorted = figures.stream().sorted().toList();
        int middle = sorted.size() / 2;
        return sorted.size() % 2 == 1 ? sorted.get(middle) : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
    }

    /// For scripts.
    String toJson() {
        return String.format(
                Locale.ROOT,
                "{\"bench\":\"%s\",\"case\":\"%s\",\"unit\":\"%s\",\"ours\":%s,\"peer\":\"%s\",\"theirs\":%s,"
                        + "\"ratio\":%.3f,\"runs\":%d}",
                bench,
                caseName,
                unit,
                number(oursMedian()),
                peer,
                number(theirsMedian()),
                ratio(),
                ours.size());
    }

    /// For people: a line for each, under a heading.
    static String table(List<Comparison> comparisons) {
        StringBuilder table = new StringBuilder();
        table.append(row("case", "unit", "ours", "peer", "theirs", "ratio"));
        for (Comparison comparison : comparisons) {
            table.append(row(
                    comparison.caseName,
                    comparison.unit,
                    number(comparison.oursMedian()),
                    comparison.peer,
                    number(comparison.theirsMedian()),
                    String.format(Locale.ROOT, "%.2f", comparison.ratio())));
        }
        return table.toString();
    }

    private static String row(String caseName, String unit, String ours, String peer, String theirs, String ratio) {
        return String.format(
                Locale.ROOT, "%-16s %-9s %10s  %-8s %10s %6s%n", caseName, unit, ours, peer, theirs, ratio);
    }

    /// At least three digits that count, no exponent.
    private static String number(double value) {
        String format = value >= 1_000 ? "%.0f" : value >= 10 ? "%.1f" : "%.3f";
        return String.format(Locale.ROOT, format, value);
    }
}
