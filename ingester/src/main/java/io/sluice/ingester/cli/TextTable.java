package io.sluice.ingester.cli;

import java.util.ArrayList;
import java.util.List;

/// Columns of text, aligned. For one thread.
final class TextTable {
    private static final String GAP = "  ";

    private final List<List<String>> rows = new ArrayList<>();
    private final int[] widths;

    TextTable(String... headings) {
        this.widths = new int[headings.length];
        add(headings);
    }

    /// One cell for each column; what others have written in it cannot control the terminal.
    void add(String... cells) {
        List<String> row = new ArrayList<>();
        for (int i = 0; i < cells.length; i++) {
            String cell = cells[i].isEmpty() ? "-" : Text.oneLine(cells[i]);
            row.add(cell);
            widths[i] = Math.max(widths[i], cell.length());
        }
        rows.add(row);
    }

    /// The headings, and below them the rows, without spaces at the ends of lines.
    List<String> lines() {
        List<String> lines = new ArrayList<>();
        for (List<String> row : rows) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < row.size(); i++) {
                line.append(row.get(i))
                        .append(" ".repeat(widths[i] - row.get(i).length()))
                        .append(GAP);
            }
            lines.add(line.toString().stripTrailing());
        }
        return lines;
    }
}
