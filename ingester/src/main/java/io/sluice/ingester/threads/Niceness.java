package io.sluice.ingester.threads;

import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;

/// How far threads give way to others, more than the process does: `setpriority(2)`, which Linux knows for
/// each thread by itself. To give way more takes no privilege, to take it back does. On other systems nothing
/// happens.
final class Niceness {
    /// The most that the system knows.
    static final int MAX = 19;

    /// Of the first argument: the second one is the number of a process, or, on Linux, of a thread.
    private static final int PRIO_PROCESS = 0;

    private static final int THIS_THREAD = 0;
    private static final Path THREADS = Path.of("/proc/self/task");
    private static final Optional<Calls> CALLS = find();

    /// @param processNiceness how far the process gives way, by which it was started
    private record Calls(MethodHandle setPriority, int processNiceness) {}

    private Niceness() {}

    private static Optional<Calls> find() {
        if (!System.getProperty("os.name").equals("Linux")) {
            return Optional.empty();
        }
        Optional<MethodHandle> get = find("getpriority", 2);
        Optional<MethodHandle> set = find("setpriority", 3);
        if (get.isEmpty() || set.isEmpty()) {
            return Optional.empty();
        }
        int process = Math.toIntExact(ProcessHandle.current().pid());
        try {
            return Optional.of(new Calls(set.get(), (int) get.get().invokeExact(PRIO_PROCESS, process)));
        } catch (Throwable e) {
            throw new IllegalStateException("getpriority", e);
        }
    }

    /// A function of the C library that takes some numbers and returns one.
    @SuppressWarnings("restricted") // the launcher lets this code call native functions
    private static Optional<MethodHandle> find(String name, int arguments) {
        Linker linker = Linker.nativeLinker();
        MemoryLayout[] layouts = new MemoryLayout[arguments];
        Arrays.fill(layouts, ValueLayout.JAVA_INT);
        return linker.defaultLookup()
                .find(name)
                .map(address -> linker.downcallHandle(address, FunctionDescriptor.of(ValueLayout.JAVA_INT, layouts)));
    }

    /// Makes the calling thread, and those that it starts, give way; false if the system does not let it.
    ///
    /// @param niceness 0 to [#MAX]
    static boolean ofThisThread(int niceness) {
        return set(THIS_THREAD, niceness);
    }

    /// The same of all threads of this process with a name.
    ///
    /// @param prefix of a name as the system knows it, which is 15 characters at most
    /// @return how many there are that give way now
    static int ofThreads(String prefix, int niceness) throws IOException {
        if (CALLS.isEmpty()) {
            return 0;
        }
        int changed = 0;
        try (DirectoryStream<Path> threads = Files.newDirectoryStream(THREADS)) {
            for (Path thread : threads) {
                if (name(thread).startsWith(prefix)
                        && set(Integer.parseInt(thread.getFileName().toString()), niceness)) {
                    changed++;
                }
            }
        }
        return changed;
    }

    /// Nothing of a thread that has ended.
    private static String name(Path thread) {
        try {
            return Files.readString(thread.resolve("comm"));
        } catch (IOException _) {
            return "";
        }
    }

    private static boolean set(int thread, int niceness) {
        if (CALLS.isEmpty()) {
            return false;
        }
        int absolute = Math.min(MAX, CALLS.get().processNiceness() + niceness);
        try {
            return (int) CALLS.get().setPriority().invokeExact(PRIO_PROCESS, thread, absolute) == 0;
        } catch (Throwable e) {
            throw new IllegalStateException("setpriority", e);
        }
    }
}
