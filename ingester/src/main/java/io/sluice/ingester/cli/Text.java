package io.sluice.ingester.cli;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.regex.Pattern;

/// Messages as a terminal should see them.
final class Text {
    private static final Pattern LINE_BREAKS = Pattern.compile("\\s*[\\r\\n\\u0085\\u2028\\u2029]\\s*");
    private static final Pattern CONTROLS = Pattern.compile("\\p{Cntrl}");

    private Text() {}

    /// One line, without control characters: messages of servers and libraries hold line feeds, and may hold what
    /// others wrote.
    static String oneLine(String message) {
        String line = LINE_BREAKS.matcher(message.strip()).replaceAll(" ");
        return CONTROLS.matcher(line).replaceAll("?");
    }

    /// What is wrong with a file, in words that name it; the JDK's own message is often the path alone.
    static String reason(IOException failure) {
        return switch (failure) {
            case NoSuchFileException file ->
                "there is no %s, or a folder above it is missing".formatted(file.getFile());
            case AccessDeniedException file -> "no permission for %s".formatted(file.getFile());
            case FileAlreadyExistsException file -> "%s is there already, and is no folder".formatted(file.getFile());
            case FileSystemException file
            when file.getReason() != null -> "%s: %s".formatted(file.getFile(), file.getReason());
            default -> failure.getMessage() == null ? failure.getClass().getSimpleName() : failure.getMessage();
        };
    }
}
