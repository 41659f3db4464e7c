package io.sluice.rows.merge;

import java.util.Arrays;

/// Sorts texts by their bytes, eight at a time: those with equal eight bytes are sorted by the next ones.
final class TextSort {
    /// Texts that are still equal behind so many bytes are compared as a whole.
    private static final int MAX_OFFSET = 64;

    private final TextNumbers texts;

    TextSort(TextNumbers texts) {
        this.texts = texts;
    }

    void sort(int[] numbers) {
        sort(numbers, 0, numbers.length, 0);
    }

    private void sort(int[] numbers, int from, int to, int offset) {
        if (offset > MAX_OFFSET) {
            compareAll(numbers, from, to);
            return;
        }
        long[] words = new long[to - from];
        int[] sorted = Arrays.copyOfRange(numbers, from, to);
        for (int i = 0; i < words.length; i++) {
            words[i] = texts.word(sorted[i], offset);
        }
        LongIntSort.sort(words, sorted, 0, words.length);
        System.arraycopy(sorted, 0, numbers, from, sorted.length);
        int begin = 0;
        for (int i = 1; i <= words.length; i++) {
            if (i == words.length || words[i] != words[begin]) {
                if (i - begin == 2) {
                    settlePair(numbers, from + begin);
                } else if (i - begin > 2) {
                    sort(numbers, from + begin, from + i, offset + Long.BYTES);
                }
                begin = i;
            }
        }
    }

    private void settlePair(int[] numbers, int at) {
        if (texts.compare(numbers[at], numbers[at + 1]) > 0) {
            int first = numbers[at];
            numbers[at] = numbers[at + 1];
            numbers[at + 1] = first;
        }
    }

    private void compareAll(int[] numbers, int from, int to) {
        int[] sorted = Arrays.stream(numbers, from, to)
                .boxed()
                .sorted(texts::compare)
                .mapToInt(Integer::intValue)
                .toArray();
        System.arraycopy(sorted, 0, numbers, from, sorted.length);
    }
}
