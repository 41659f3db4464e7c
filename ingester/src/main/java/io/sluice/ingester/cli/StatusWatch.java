package io.sluice.ingester.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/// The server's status, looked at again and again: on a terminal in place, else one page below the other. A server that
/// does not answer is told, with the last page, and waited for. For one thread.
final class StatusWatch {
    private static final String TO_TOP = "\u001b[H";
    private static final String CLEAR_BELOW = "\u001b[J";
    private static final String CLEAR_REST_OF_LINE = "\u001b[K";
    /// Lines that are too long are cut by the terminal instead of moving others down.
    private static final String CUT_LINES = "\u001b[?7l";

    /// Undoes what a watch in place has changed of the terminal.
    static final String RESTORE = "\u001b[?7h\u001b[0m";

    private final Supplier<JsonNode> looks;
    private final PrintWriter out;
    private final boolean inPlace;
    private final Style style;
    private final Pause pause;
    private Optional<JsonNode> last = Optional.empty();
    private List<String> lastPage = List.of();

    /// Waits between two looks.
    @FunctionalInterface
    interface Pause {
        /// Waits.
        ///
        /// @return whether to look again
        boolean await(Duration interval);
    }

    /// @param looks asks the server; throws [CommandFailedException] if it does not answer
    /// @param inPlace whether each page takes the place of the one before
    StatusWatch(Supplier<JsonNode> looks, PrintWriter out, boolean inPlace, Style style, Pause pause) {
        this.looks = looks;
        this.out = out;
        this.inPlace = inPlace;
        this.style = style;
        this.pause = pause;
    }

    /// Looks until it is told to stop.
    ///
    /// @throws OutputClosedException if nobody reads on
    void run(Duration interval) {
        if (inPlace) {
            out.print(CUT_LINES);
        }
        try {
            boolean goesOn = true;
            while (goesOn) {
                show(page());
                goesOn = pause.await(interval);
            }
        } finally {
            if (inPlace) {
                out.print(RESTORE);
                out.flush();
            }
        }
    }

    private List<String> page() {
        JsonNode now;
        try {
            now = looks.get();
        } catch (CommandFailedException e) {
            if (e.exitCode() != ExitCodes.UNAVAILABLE) {
                throw e;
            }
            List<String> page = new ArrayList<>();
            page.add(style.bad("! " + Text.oneLine(String.valueOf(e.getMessage())) + "; it is tried again"));
            if (inPlace && !lastPage.isEmpty()) {
                page.add("");
                page.add("the last answer was:");
                page.addAll(lastPage);
            }
            return page;
        }
        lastPage = StatusPage.lines(now, last, style);
        last = Optional.of(now);
        return lastPage;
    }

    private void show(List<String> page) {
        if (inPlace) {
            out.print(TO_TOP);
            page.forEach(line -> out.print(line + CLEAR_REST_OF_LINE + "\n"));
            out.print(CLEAR_BELOW);
        } else {
            page.forEach(out::println);
            out.println();
        }
        out.flush();
        if (out.checkError()) {
            throw new OutputClosedException();
        }
    }
}
