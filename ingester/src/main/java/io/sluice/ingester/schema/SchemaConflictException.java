package io.sluice.ingester.schema;

/// A write contradicts what the catalog holds, or asks for what may not be created. The message names what, where, what
/// was expected and what was found.
public sealed class SchemaConflictException extends Exception permits SchemaLimitException {
    public SchemaConflictException(String message) {
        super(message);
    }
}
