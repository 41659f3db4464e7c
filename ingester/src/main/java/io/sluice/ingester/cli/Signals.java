package io.sluice.ingester.cli;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandleProxies;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.Objects;

/// The signals of the system.
///
/// The JDK's only way to one is `sun.misc.Signal`, of the module `jdk.unsupported`, which it keeps and warns of with a
/// warning that cannot be suppressed. Hence the way by names.
final class Signals {
    private Signals() {}

    /// Takes a signal from now on, in place of whoever had it.
    ///
    /// @param name without `SIG`
    /// @param hear called on a thread of the JVM for each signal
    /// @return whether the process ignores the signal, as whoever started it wanted, and goes on to do so
    /// @throws ReflectiveOperationException if this JDK has no such way
    /// @throws IllegalArgumentException if the system has no such signal, or the JVM keeps it for itself
    static boolean take(String name, Runnable hear) throws ReflectiveOperationException {
        Class<?> signal = Class.forName("sun.misc.Signal");
        Class<?> handler = Class.forName("sun.misc.SignalHandler");
        MethodHandle told = MethodHandles.lookup()
                .findVirtual(Runnable.class, "run", MethodType.methodType(void.class))
                .bindTo(hear);
        Object ours = MethodHandleProxies.asInterfaceInstance(handler, MethodHandles.dropArguments(told, 0, signal));
        Object before = signal.getMethod("handle", signal, handler)
                .invoke(null, signal.getConstructor(String.class).newInstance(name), ours);
        return Objects.equals(handler.getField("SIG_IGN").get(null), before);
    }
}
