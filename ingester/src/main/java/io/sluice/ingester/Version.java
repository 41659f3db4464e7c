package io.sluice.ingester;

import java.io.IOException;
import java.io.InputStream;
import java.util.Properties;

/// Which build this is, as the build wrote it down.
public final class Version {
    private static final Properties PROPERTIES = load();

    private Version() {}

    private static Properties load() {
        Properties properties = new Properties();
        try (InputStream in = Version.class.getResourceAsStream("version.properties")) {
            if (in != null) {
                properties.load(in);
            }
        } catch (IOException e) {
            throw new IllegalStateException("cannot read version.properties", e);
        }
        return properties;
    }

    /// `0.1.0`.
    public static String number() {
        return PROPERTIES.getProperty("version", "unknown");
    }

    /// The commit it was built from; `unknown` if the build did not know.
    public static String commit() {
        return PROPERTIES.getProperty("commit", "unknown");
    }
}
