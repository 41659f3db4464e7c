package io.sluice.ingester;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import org.slf4j.LoggerFactory;

/// How much of our own code's doings is logged; libraries keep to what the configuration of the log says.
final class LogLevel {
    private static final String OURS = "io.sluice";

    private LogLevel() {}

    /// @param level `error`, `warn`, `info` or `debug`
    static void set(String level) {
        // Another library behind slf4j has its own ways to be told.
        if (LoggerFactory.getLogger(OURS) instanceof Logger logger) {
            logger.setLevel(Level.toLevel(level));
        }
    }
}
