package io.sluice.model;

/// A column of a table: its name, and the kind and type that it keeps for ever.
public record ColumnSchema(ColumnName name, ColumnKind kind, ColumnType type) {
    /// The name of the one column of kind TIME.
    public static final ColumnName TIME_NAME = new ColumnName("time");

    /// The one column of kind TIME.
    public static final ColumnSchema TIME = new ColumnSchema(TIME_NAME, ColumnKind.TIME, ColumnType.I64);

    /// @throws IllegalArgumentException if kind, type and name do not go together
    public ColumnSchema {
        switch (kind) {
            case TAG -> {
                if (type != ColumnType.STRING) {
                    throw new IllegalArgumentException("tag '%s' is of type %s: expected STRING".formatted(name, type));
                }
            }
            case TIME -> {
                if (type != ColumnType.I64 || !name.equals(TIME_NAME)) {
                    throw new IllegalArgumentException(
                            "TIME column is '%s' of type %s: expected 'time' of type I64".formatted(name, type));
                }
            }
            case FIELD -> {}
        }
        if (kind != ColumnKind.TIME && name.equals(TIME_NAME)) {
            throw new IllegalArgumentException("column 'time' is a %s: expected kind TIME".formatted(kind));
        }
    }

    /// A tag of this name.
    public static ColumnSchema tag(String name) {
        return new ColumnSchema(new ColumnName(name), ColumnKind.TAG, ColumnType.STRING);
    }

    /// A field of this name and type.
    public static ColumnSchema field(String name, ColumnType type) {
        return new ColumnSchema(new ColumnName(name), ColumnKind.FIELD, type);
    }

    /// Kind and type in words, as error messages show them: `TAG` or `FIELD of type F64`.
    public String describe() {
        return kind == ColumnKind.FIELD ? "FIELD of type " + type : kind.name();
    }
}
