package io.sluice.ingester.cli;

import java.util.Map;

/// Colours of a terminal, or none.
enum Style {
    PLAIN,
    ANSI;

    private static final String RESET = "\u001b[0m";

    /// Colours if a person looks, and does not object: <https://no-color.org>.
    static Style of(boolean onTerminal, Map<String, String> environment) {
        return onTerminal && environment.getOrDefault("NO_COLOR", "").isEmpty() ? ANSI : PLAIN;
    }

    String bold(String text) {
        return in("\u001b[1m", text);
    }

    String good(String text) {
        return in("\u001b[32m", text);
    }

    String warn(String text) {
        return in("\u001b[33m", text);
    }

    String bad(String text) {
        return in("\u001b[31m", text);
    }

    private String in(String code, String text) {
        return this == PLAIN || text.isEmpty() ? text : code + text + RESET;
    }
}
