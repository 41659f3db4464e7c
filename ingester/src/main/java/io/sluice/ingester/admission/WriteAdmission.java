package io.sluice.ingester.admission;

import io.sluice.ingester.door.CatalogAccess;
import io.sluice.ingester.door.RequestNames;
import io.sluice.ingester.door.WriteOutcome.Quota;
import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.ingester.door.WriteOutcome.Refused;
import io.sluice.model.NamespaceName;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;

/// Where writes are let in, before anything of them is decoded: first it is asked whether the server takes writes at
/// all, then the write is counted as one that needs the catalog, or not. If it turns out otherwise, it moves
/// ([CatalogAccess]). Any thread may call any method; none waits, but a write of a stream on its way to the catalog.
public final class WriteAdmission {
    /// How long a write of a stream waits for its way to the catalog.
    private static final Duration MAX_STREAM_WAIT = Duration.ofSeconds(1);

    private final IngestState state;
    private final AdmissionController controller;
    private final KnownTables known;
    private final Refusals refusals;
    private final WorkQueue work;
    private final Consumer<Refused> onRefused;
    private final Duration maxStreamWait;

    /// @param known what decides where a write is counted
    /// @param work where bodies of line protocol wait for a processor
    /// @param onRefused hears of each write that is refused here
    public WriteAdmission(
            IngestState state,
            AdmissionController controller,
            KnownTables known,
            Refusals refusals,
            WorkQueue work,
            Consumer<Refused> onRefused) {
        this(state, controller, known, refusals, work, onRefused, MAX_STREAM_WAIT);
    }

    /// The same with another time that a write of a stream may wait for its way to the catalog.
    WriteAdmission(
            IngestState state,
            AdmissionController controller,
            KnownTables known,
            Refusals refusals,
            WorkQueue work,
            Consumer<Refused> onRefused,
            Duration maxStreamWait) {
        this.state = state;
        this.controller = controller;
        this.known = known;
        this.refusals = refusals;
        this.work = work;
        this.onRefused = onRefused;
        this.maxStreamWait = maxStreamWait;
    }

    /// Why no write would be let in at this moment, whatever it is; empty if one may.
    public Optional<Refused> refusal() {
        Optional<Reason> reason = state.refusal();
        if (reason.isPresent()) {
            return Optional.of(tell(refusals.of(reason.get())));
        }
        return controller.isFull(Bucket.EXISTING) && controller.isFull(Bucket.NEW)
                ? Optional.of(tell(controller.refuse(Bucket.EXISTING)))
                : Optional.empty();
    }

    /// Why no write of this namespace would be let in at this moment; empty if one may.
    public Optional<Refused> refusal(NamespaceName namespace) {
        Optional<Reason> reason = state.refusal();
        if (reason.isPresent()) {
            return Optional.of(tell(refusals.of(reason.get())));
        }
        Bucket bucket = bucket(namespace);
        return controller.isFull(bucket) ? Optional.of(tell(controller.refuse(bucket))) : workRefusal();
    }

    /// Why no line protocol is let in at this moment: what waits for a processor already would keep it waiting for too
    /// long. Empty if there is no reason.
    public Optional<Refused> workRefusal() {
        return work.tooLong().map(quota -> workRefusal(quota, "would probably keep this waiting", "half of "));
    }

    private Refused workRefusal(Quota quota, String wait, String part) {
        return tell(refusals.of(
                Reason.ADMISSION_LIMIT,
                "line protocol that came before %s for %d ms, and %d ms is the limit (%s--max-work-wait)"
                        .formatted(wait, quota.current(), quota.limit(), part),
                quota));
    }

    /// A request with line protocol is there, until what is returned is closed.
    public WorkQueue.Presence enter() {
        return work.enter();
    }

    /// Does work on line protocol when there is a processor for it; returns what it returns.
    ///
    /// @param lengthBytes of line protocol
    /// @param job may run on another thread, and is over when this returns; what it throws, this throws
    /// @param tooLate is asked what to return if it has waited for too long, and is refused
    /// @throws InterruptedException if the thread was told to stop waiting: the work will never be begun
    public <T> T work(long lengthBytes, Function<WorkQueue.Turn, T> job, Function<Refused, T> tooLate)
            throws InterruptedException {
        return work.run(lengthBytes, job, quota -> tooLate.apply(workRefusal(quota, "has kept this waiting", "")));
    }

    private Refused tell(Refused refused) {
        onRefused.accept(refused);
        return refused;
    }

    /// Lets a write in of which the namespace alone is known.
    public Admission admit(NamespaceName namespace) {
        return admit(bucket(namespace), namespace);
    }

    /// Lets a write in, by the names that stand in its message. One that is written in another way than encoders do is
    /// counted as new.
    ///
    /// @param request the bytes of a `sluice.v1.WriteRequest`
    public Admission admit(byte[] request) {
        Optional<RequestNames> names = RequestNames.peek(request);
        return names.isEmpty()
                ? admitUnnamed(Bucket.NEW)
                : admit(bucket(names.get()), names.get().namespace());
    }

    private Admission admit(Bucket bucket, NamespaceName namespace) {
        return told(stateRefusal().orElseGet(() -> controller.tryAdmit(bucket, namespace)));
    }

    private Admission admitUnnamed(Bucket bucket) {
        return told(stateRefusal().orElseGet(() -> controller.tryAdmit(bucket)));
    }

    private Optional<Admission> stateRefusal() {
        return state.refusal().map(reason -> new Admission.Rejected(refusals.of(reason)));
    }

    private Admission told(Admission admission) {
        if (admission instanceof Admission.Rejected(Refused why)) {
            onRefused.accept(why);
        }
        return admission;
    }

    private Bucket bucket(NamespaceName namespace) {
        return known.isKnown(namespace) ? Bucket.EXISTING : Bucket.NEW;
    }

    private Bucket bucket(RequestNames names) {
        boolean areKnown = names.tables().stream().allMatch(table -> known.isKnown(names.namespace(), table));
        return areKnown ? Bucket.EXISTING : Bucket.NEW;
    }

    /// Lets a stream of writes in.
    public Admission admitStream() {
        return told(controller.tryAdmit(Bucket.OPEN));
    }

    /// Why a call is refused when there are too many, those that have sent nothing yet among them.
    public Refused tooManyCalls(int limit, int current) {
        return tell(refusals.of(
                Reason.ADMISSION_LIMIT,
                "%d gRPC calls are open, and %d may be".formatted(current, limit),
                new Quota("GRPC", "CALLS", limit, current)));
    }

    /// Why a call is refused when messages that are not complete take too much memory.
    public Refused noRoomForMessage(long limitBytes, long currentBytes) {
        return tell(refusals.of(
                Reason.INFLIGHT_BYTES,
                "messages that are not complete have %d bytes, and may have %d (an eighth of --memory is the network's)"
                        .formatted(currentBytes, limitBytes),
                new Quota("GRPC", "ARRIVING_BYTES", limitBytes, currentBytes)));
    }

    /// Why a write is refused when its message cannot be unpacked.
    ///
    /// @param limit which limit is reached, in words
    public Refused noRoomToUnpack(String limit) {
        return tell(refusals.of(Reason.INFLIGHT_BYTES, "no room to unpack the message: " + limit));
    }

    /// Why a stream ends when the server stops.
    public Refused stopping() {
        return refusals.of(Reason.GRACEFUL_STOP);
    }

    /// The way to the catalog of a write that was let in: it is counted as NEW on it, and as EXISTING behind it. Where
    /// there is no room, a write that needs the catalog is refused, and one that needs it no more stays.
    ///
    /// @param permit stays the caller's
    public CatalogAccess catalogAccess(AdmissionPermit permit) {
        return new CatalogAccess() {
            @Override
            public Optional<Refused> enter() {
                return permit.bucket() == Bucket.NEW || permit.trySwap(Bucket.NEW)
                        ? Optional.empty()
                        : Optional.of(controller.refuse(Bucket.NEW));
            }

            @Override
            public void leave() {
                if (permit.bucket() == Bucket.NEW) {
                    var _ = permit.trySwap(Bucket.EXISTING); // or it is stuck, which the pool counts
                }
            }
        };
    }

    /// The way to the catalog of one write of a stream. Streams are counted as such, so it is counted as NEW while it
    /// needs the catalog, and not at all otherwise. It waits for a moment, and its stream with it.
    public CatalogAccess streamCatalogAccess() {
        return new StreamAccess();
    }

    private final class StreamAccess implements CatalogAccess {
        private Optional<AdmissionPermit> permit = Optional.empty();

        @Override
        public Optional<Refused> enter() {
            if (permit.isPresent()) {
                return Optional.empty();
            }
            Admission admission;
            try {
                admission = controller.awaitAdmit(Bucket.NEW, maxStreamWait);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return Optional.of(refusals.of(Reason.GRACEFUL_STOP));
            }
            return switch (admission) {
                case Admission.Admitted(AdmissionPermit admitted) -> {
                    permit = Optional.of(admitted);
                    yield Optional.empty();
                }
                case Admission.Rejected(Refused why) -> Optional.of(why);
            };
        }

        @Override
        public void leave() {
            permit.ifPresent(AdmissionPermit::close);
            permit = Optional.empty();
        }
    }
}
