package io.sluice.ingester.it;

import com.sun.jdi.ReferenceType;
import com.sun.jdi.VMDisconnectedException;
import com.sun.jdi.VirtualMachine;
import com.sun.jdi.event.BreakpointEvent;
import com.sun.jdi.event.Event;
import com.sun.jdi.event.EventSet;
import com.sun.jdi.request.BreakpointRequest;
import com.sun.jdi.request.EventRequest;
import io.sluice.ingester.it.Failpoint.Place;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/// A disk, or whatever a method of a running server asks, that does not answer: threads that enter the method stand
/// still there until [#release], and all others go on. The server is the one that people run, as with [Failpoint].
final class Hold implements AutoCloseable {
    private static final long HELD_SECONDS = 120;

    private final Place place;
    private final VirtualMachine machine;
    private final Thread watcher;
    private final CompletableFuture<Place> held = new CompletableFuture<>();

    private Hold(Place place, VirtualMachine machine) {
        this.place = place;
        this.machine = machine;
        this.watcher = Thread.ofPlatform().name("hold").unstarted(this::watch);
    }

    /// Holds each thread of a server that enters a place from now on.
    ///
    /// @param server started with [Failpoint#JVM_OPTION]; it has used the place's class before
    /// @param place its argument and number of entries do not count
    static Hold arm(SluiceServer server, Place place) throws Exception {
        Hold hold = new Hold(place, Failpoint.attach(server));
        hold.arm();
        hold.watcher.start();
        return hold;
    }

    private void arm() {
        List<BreakpointRequest> entries = machine.classesByName(place.type()).stream()
                .map(ReferenceType::allMethods)
                .flatMap(List::stream)
                .filter(method -> method.name().equals(place.method())
                        && method.declaringType().name().equals(place.type())
                        && method.location() != null)
                .map(method -> machine.eventRequestManager().createBreakpointRequest(method.location()))
                .toList();
        if (entries.isEmpty()) {
            throw new AssertionError("no method %s of a class that was used: was it renamed?".formatted(place));
        }
        for (BreakpointRequest entry : entries) {
            entry.setSuspendPolicy(EventRequest.SUSPEND_EVENT_THREAD);
            entry.enable();
        }
    }

    private void watch() {
        try {
            while (true) {
                EventSet events = machine.eventQueue().remove();
                for (Event event : events) {
                    if (event instanceof BreakpointEvent) {
                        held.complete(place);
                    }
                }
                if (events.suspendPolicy() != EventRequest.SUSPEND_EVENT_THREAD) {
                    events.resume();
                }
            }
        } catch (VMDisconnectedException | InterruptedException e) {
            held.completeExceptionally(new AssertionError("no thread of the server came to " + place, e));
        }
    }

    /// Waits until a thread stands still there.
    void await() throws Exception {
        var _ = held.get(HELD_SECONDS, TimeUnit.SECONDS);
    }

    /// Lets them all go on, and holds none any more.
    void release() {
        try {
            machine.dispose();
        } catch (VMDisconnectedException e) {
            // The server has ended.
        }
    }

    @Override
    public void close() {
        release();
    }
}
