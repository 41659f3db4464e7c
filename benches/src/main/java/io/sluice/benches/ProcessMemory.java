package io.sluice.benches;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// The greatest resident memory of this process since a moment, as Linux counts it.
final class ProcessMemory {
    private static final Path STATUS = Path.of("/proc/self/status");
    private static final Path CLEAR = Path.of("/proc/self/clear_refs");
    private static final String RESET_PEAK = "5";

    private final long atBegin;

    private ProcessMemory(long atBegin) {
        this.atBegin = atBegin;
    }

    /// Begins to look.
    static ProcessMemory begin() throws IOException {
        Files.writeString(CLEAR, RESET_PEAK);
        return new ProcessMemory(bytes("VmRSS:"));
    }

    /// By how much it has grown at its greatest.
    long grownBytes() throws IOException {
        return bytes("VmHWM:") - atBegin;
    }

    /// The resident memory of a process now.
    static long bytesOf(long pid) throws IOException {
        return bytes(Path.of("/proc", Long.toString(pid), "status"), "VmRSS:");
    }

    /// The greatest resident memory of a process since its start.
    static long peakBytes(long pid) throws IOException {
        return bytes(Path.of("/proc", Long.toString(pid), "status"), "VmHWM:");
    }

    private static long bytes(String field) throws IOException {
        return bytes(STATUS, field);
    }

    private static long bytes(Path status, String field) throws IOException {
        for (String line : Files.readAllLines(status)) {
            if (line.startsWith(field)) {
                return 1_024 * Long.parseLong(line.replaceAll("\\D", ""));
            }
        }
        throw new IOException("%s has no line %s".formatted(status, field));
    }
}
