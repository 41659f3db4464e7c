package io.sluice.ingester.it;

import com.google.errorprone.annotations.Immutable;
import com.sun.jdi.Bootstrap;
import com.sun.jdi.IncompatibleThreadStateException;
import com.sun.jdi.Method;
import com.sun.jdi.ObjectReference;
import com.sun.jdi.ReferenceType;
import com.sun.jdi.StringReference;
import com.sun.jdi.VMDisconnectedException;
import com.sun.jdi.Value;
import com.sun.jdi.VirtualMachine;
import com.sun.jdi.connect.AttachingConnector;
import com.sun.jdi.connect.Connector;
import com.sun.jdi.event.BreakpointEvent;
import com.sun.jdi.event.ClassPrepareEvent;
import com.sun.jdi.event.Event;
import com.sun.jdi.event.EventSet;
import com.sun.jdi.request.BreakpointRequest;
import com.sun.jdi.request.ClassPrepareRequest;
import com.sun.jdi.request.EventRequest;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// `kill -9` of a server at the moment one of its threads enters a method: all its threads stand still, then the
/// process is gone. The server is the one that people run, with a debugger attached to it; its code knows nothing of
/// this.
final class Failpoint implements AutoCloseable {
    /// What a server's JVM must be started with.
    static final String JVM_OPTION = "-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=127.0.0.1:0";

    private static final String LISTENING = "Listening for transport dt_socket at address: ";
    private static final Pattern PORT = Pattern.compile(LISTENING + "(\\d+)");
    private static final String CONNECTOR = "com.sun.jdi.SocketAttach";
    private static final long HIT_SECONDS = 120;

    /// A method of the server, by name as the debugger knows it; a test fails if there is none of that name.
    ///
    /// @param argument what one of its arguments must be, a constant of an enum by its name; empty for any
    /// @param entries how often it must be entered so: the process dies as the last of them begins
    @Immutable
    record Place(String type, String method, Optional<String> argument, int entries) {
        static Place entering(String type, String method) {
            return new Place("io.sluice." + type, method, Optional.empty(), 1);
        }

        Place with(String wanted) {
            return new Place(type, method, Optional.of(wanted), entries);
        }

        Place times(int wanted) {
            return new Place(type, method, argument, wanted);
        }
    }

    private final SluiceServer server;
    private final Place place;
    private final VirtualMachine machine;
    private final Thread watcher;
    private final CompletableFuture<Place> killed = new CompletableFuture<>();
    private final Set<ReferenceType> armed = new HashSet<>();
    private int entries;

    private Failpoint(SluiceServer server, Place place, VirtualMachine machine) {
        this.server = server;
        this.place = place;
        this.machine = machine;
        this.watcher = Thread.ofPlatform().name("failpoint").unstarted(this::watch);
    }

    /// Watches a server, which was started with [#JVM_OPTION], from now on.
    static Failpoint arm(SluiceServer server, Place place) throws Exception {
        Failpoint failpoint = new Failpoint(server, place, attach(server));
        failpoint.arm();
        failpoint.watcher.start();
        return failpoint;
    }

    /// Becomes the debugger of a server that was started with [#JVM_OPTION].
    static VirtualMachine attach(SluiceServer server) throws Exception {
        Matcher port = PORT.matcher(server.awaitLine(LISTENING));
        if (!port.find()) {
            throw new AssertionError("no port in the server's line for debuggers");
        }
        AttachingConnector connector = Bootstrap.virtualMachineManager().attachingConnectors().stream()
                .filter(one -> one.name().equals(CONNECTOR))
                .findFirst()
                .orElseThrow(() -> new AssertionError("this JDK has no " + CONNECTOR));
        Map<String, Connector.Argument> arguments = connector.defaultArguments();
        set(arguments, "hostname", "127.0.0.1");
        set(arguments, "port", port.group(1));
        return connector.attach(arguments);
    }

    private static void set(Map<String, Connector.Argument> arguments, String name, String value) {
        Objects.requireNonNull(arguments.get(name), name).setValue(value);
    }

    private void arm() {
        ClassPrepareRequest loading = machine.eventRequestManager().createClassPrepareRequest();
        loading.addClassFilter(place.type());
        loading.enable();
        machine.classesByName(place.type()).forEach(this::arm);
    }

    private void arm(ReferenceType type) {
        if (!armed.add(type)) {
            return;
        }
        List<Method> methods = type.methodsByName(place.method()).stream()
                .filter(method -> method.declaringType().equals(type) && method.location() != null)
                .toList();
        if (methods.isEmpty()) {
            throw new AssertionError("%s has no method %s that could be entered: was it renamed?"
                    .formatted(place.type(), place.method()));
        }
        for (Method method : methods) {
            BreakpointRequest entry = machine.eventRequestManager().createBreakpointRequest(method.location());
            entry.setSuspendPolicy(EventRequest.SUSPEND_ALL);
            entry.enable();
        }
    }

    private void watch() {
        try {
            while (!killed.isDone()) {
                EventSet events = machine.eventQueue().remove();
                for (Event event : events) {
                    handle(event);
                }
                if (!killed.isDone()) {
                    events.resume();
                }
            }
        } catch (VMDisconnectedException | InterruptedException e) {
            killed.completeExceptionally(new AssertionError("the server ended before it came to " + place, e));
        } catch (Exception | Error e) {
            killed.completeExceptionally(e);
        }
    }

    private void handle(Event event) throws Exception {
        switch (event) {
            case ClassPrepareEvent prepared -> arm(prepared.referenceType());
            case BreakpointEvent entered -> {
                if (isWanted(entered) && ++entries == place.entries()) {
                    server.kill();
                    killed.complete(place);
                }
            }
            default -> {}
        }
    }

    private boolean isWanted(BreakpointEvent entered) throws IncompatibleThreadStateException {
        if (place.argument().isEmpty()) {
            return true;
        }
        return entered.thread().frame(0).getArgumentValues().stream()
                .anyMatch(value -> place.argument().equals(constantName(value)));
    }

    /// The name of an enum's constant; empty for all else.
    private static Optional<String> constantName(Value value) {
        return value instanceof ObjectReference object
                        && object.referenceType().fieldByName("name") != null
                        && object.getValue(object.referenceType().fieldByName("name")) instanceof StringReference name
                ? Optional.of(name.value())
                : Optional.empty();
    }

    /// Waits until the server was killed there.
    void awaitKill() throws Exception {
        try {
            var _ = killed.get(HIT_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException | TimeoutException e) {
            throw new AssertionError(
                    "the server was not killed at %s; it says:%n%s"
                            .formatted(place, String.join(System.lineSeparator(), server.log())),
                    e);
        }
    }

    /// Lets the server go on if it was not killed.
    @Override
    public void close() throws IOException {
        try {
            machine.dispose();
        } catch (VMDisconnectedException e) {
            // It is gone, as it should be.
        }
    }
}
