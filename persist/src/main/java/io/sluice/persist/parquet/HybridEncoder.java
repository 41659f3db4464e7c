package io.sluice.persist.parquet;

import java.util.Arrays;

/// Parquet's hybrid of runs and packed numbers (`RLE`), for dictionary codes and definition levels: at least eight
/// equal numbers are a run; what is between runs is packed, in groups of eight. For one thread.
final class HybridEncoder {
    private static final int GROUP = 8;
    private static final int FIRST_LITERALS = 1_024;

    private int width;
    private PageBytes out;
    private int[] literals = new int[FIRST_LITERALS];
    private int literalCount;

    HybridEncoder(PageBytes out) {
        this.out = out;
    }

    /// Begins anew.
    ///
    /// @param width bits of a number, 0 to 32
    void begin(PageBytes out, int width) {
        this.out = out;
        this.width = width;
        this.literalCount = 0;
    }

    /// Bits of the greatest of so many numbers, from 0 on.
    static int width(int count) {
        return Integer.SIZE - Integer.numberOfLeadingZeros(Math.max(0, count - 1));
    }

    /// The same number so many times.
    void run(int number, int count) {
        int left = count;
        while (left > 0 && (literalCount & (GROUP - 1)) != 0) {
            literal(number);
            left--;
        }
        if (left >= GROUP) {
            flush();
            out.putVarint((long) left << 1);
            for (int shift = 0; shift < width; shift += Byte.SIZE) {
                out.put(number >>> shift);
            }
            return;
        }
        for (; left > 0; left--) {
            literal(number);
        }
    }

    /// Numbers that may differ.
    void all(int[] numbers, int from, int to) {
        int at = from;
        while (at < to) {
            if (to - at < GROUP || (literalCount & (GROUP - 1)) != 0) {
                literal(numbers[at++]);
            } else if (isRun(numbers, at)) {
                int end = at + GROUP;
                while (end < to && numbers[end] == numbers[at]) {
                    end++;
                }
                run(numbers[at], end - at);
                at = end;
            } else {
                makeRoom(GROUP);
                System.arraycopy(numbers, at, literals, literalCount, GROUP);
                literalCount += GROUP;
                at += GROUP;
            }
        }
    }

    private static boolean isRun(int[] numbers, int at) {
        int first = numbers[at];
        return ((numbers[at + 1] ^ first)
                        | (numbers[at + 2] ^ first)
                        | (numbers[at + 3] ^ first)
                        | (numbers[at + 4] ^ first)
                        | (numbers[at + 5] ^ first)
                        | (numbers[at + 6] ^ first)
                        | (numbers[at + 7] ^ first))
                == 0;
    }

    private void literal(int number) {
        makeRoom(1);
        literals[literalCount++] = number;
    }

    private void makeRoom(int more) {
        if (literalCount + more > literals.length) {
            literals = Arrays.copyOf(literals, 2 * literals.length);
        }
    }

    private void flush() {
        if (literalCount > 0) {
            int groups = literalCount / GROUP;
            out.putVarint(((long) groups << 1) | 1);
            out.putPacked(literals, 0, literalCount, width);
            literalCount = 0;
        }
    }

    /// Writes what is left; the last group is filled up with zeros, which readers pass over.
    void end() {
        while ((literalCount & (GROUP - 1)) != 0) {
            literal(0);
        }
        flush();
    }
}
