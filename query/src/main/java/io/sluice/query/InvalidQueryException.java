package io.sluice.query;

/// A query is wrong. The message names what, where, what was expected and what was found.
public final class InvalidQueryException extends Exception {
    public InvalidQueryException(String message) {
        super(message);
    }
}
