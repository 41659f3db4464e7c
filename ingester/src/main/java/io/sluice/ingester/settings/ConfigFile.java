package io.sluice.ingester.settings;

import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;

/// A properties file in UTF-8, read so that each setting knows its line.
final class ConfigFile {
    /// What some editors put before the text.
    private static final String BYTE_ORDER_MARK = "\ufeff";

    private ConfigFile() {}

    /// One setting of the file.
    ///
    /// @param number of the line where it begins, from 1
    record Line(int number, String key, String value) {}

    /// Reads all settings of a file, in its order.
    static List<Line> read(Path file) throws InvalidSettingException {
        List<String> natural;
        try {
            natural = new ArrayList<>(Files.readAllLines(file, StandardCharsets.UTF_8));
        } catch (NoSuchFileException e) {
            throw new InvalidSettingException("--config: there is no file %s".formatted(file));
        } catch (CharacterCodingException e) {
            throw new InvalidSettingException("--config %s: expected UTF-8".formatted(file));
        } catch (IOException e) {
            throw new InvalidSettingException("--config %s: cannot read it: %s".formatted(file, e.getMessage()));
        }
        if (!natural.isEmpty() && natural.getFirst().startsWith(BYTE_ORDER_MARK)) {
            natural.set(0, natural.getFirst().substring(BYTE_ORDER_MARK.length()));
        }
        List<Line> lines = new ArrayList<>();
        for (int i = 0; i < natural.size(); i++) {
            int number = i + 1;
            StringBuilder logical = new StringBuilder(natural.get(i));
            while (isContinued(logical) && i + 1 < natural.size()) {
                logical.append('\n').append(natural.get(++i));
            }
            parse(file, number, logical.toString(), lines);
        }
        return lines;
    }

    private static void parse(Path file, int number, String text, List<Line> lines) throws InvalidSettingException {
        Properties properties = new Properties();
        try {
            properties.load(new StringReader(text));
        } catch (IOException | IllegalArgumentException e) {
            throw new InvalidSettingException("%s line %d: %s".formatted(file, number, e.getMessage()));
        }
        for (String key : properties.stringPropertyNames()) {
            lines.add(new Line(number, key, properties.getProperty(key, "").strip()));
        }
    }

    /// Whether the line goes on in the next: it ends with an odd number of backslashes and is no comment.
    private static boolean isContinued(CharSequence line) {
        String start = line.toString().stripLeading();
        if (start.startsWith("#") || start.startsWith("!")) {
            return false;
        }
        int backslashes = 0;
        while (backslashes < line.length() && line.charAt(line.length() - 1 - backslashes) == '\\') {
            backslashes++;
        }
        return backslashes % 2 == 1;
    }
}
