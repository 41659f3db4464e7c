package io.sluice.ingester.settings;

/// A setting is not known, or its value makes no sense. The message is one line that says which, from where, and what
/// was expected.
public final class InvalidSettingException extends Exception {
    public InvalidSettingException(String message) {
        super(message);
    }
}
