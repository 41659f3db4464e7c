package io.sluice.persist.parquet;

import io.sluice.rows.merge.NumberColumn;

/// Definition levels at the beginning of a page: for each row 1 if it has a value, else 0; behind their length. For one
/// thread.
final class PageLevels {
    private final PageBytes page;
    private final HybridEncoder encoder;
    private int lengthAt;

    PageLevels(PageBytes page) {
        this.page = page;
        this.encoder = new HybridEncoder(page);
    }

    /// Levels of rows that all have a value, or have none.
    void same(boolean isPresent, int rows) {
        begin();
        encoder.run(isPresent ? 1 : 0, rows);
        end();
    }

    /// Levels of the rows `[from, to)`.
    ///
    /// @param present how many of them have a value
    void of(NumberColumn column, int from, int to, int present) {
        if (present == to - from || present == 0) {
            same(present > 0, to - from);
            return;
        }
        int lengthAt = page.length();
        page.putInt(0);
        int groups = Math.ceilDiv(to - from, Byte.SIZE);
        page.putVarint(((long) groups << 1) | 1);
        for (int row = from; row < to; row += Byte.SIZE) {
            int bits = column.presentByte(row);
            page.put(to - row < Byte.SIZE ? bits & ((1 << (to - row)) - 1) : bits);
        }
        page.putInt(lengthAt, page.length() - lengthAt - Integer.BYTES);
    }

    /// Begins levels that come in runs.
    void begin() {
        lengthAt = page.length();
        page.putInt(0);
        encoder.begin(page, 1);
    }

    void run(boolean isPresent, int rows) {
        encoder.run(isPresent ? 1 : 0, rows);
    }

    void end() {
        encoder.end();
        page.putInt(lengthAt, page.length() - lengthAt - Integer.BYTES);
    }
}
