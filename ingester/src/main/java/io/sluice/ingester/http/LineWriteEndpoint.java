package io.sluice.ingester.http;

import io.sluice.ingester.admission.Admission;
import io.sluice.ingester.admission.AdmissionPermit;
import io.sluice.ingester.admission.Refusals;
import io.sluice.ingester.admission.WorkQueue;
import io.sluice.ingester.admission.WriteAdmission;
import io.sluice.ingester.door.CatalogAccess;
import io.sluice.ingester.door.WriteHandler;
import io.sluice.ingester.door.WriteOutcome;
import io.sluice.ingester.door.WriteOutcome.Quota;
import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.ingester.door.WriteOutcome.Refused;
import io.sluice.ingester.http.server.HttpCall;
import io.sluice.ingester.lineprotocol.KnownColumns;
import io.sluice.ingester.lineprotocol.LineParsers;
import io.sluice.ingester.lineprotocol.ParseOptions;
import io.sluice.ingester.lineprotocol.ParsedLines;
import io.sluice.ingester.lineprotocol.Precision;
import io.sluice.model.NamespaceName;
import io.sluice.model.SequenceNumber;
import io.sluice.model.TableSchema;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.IntSupplier;

/// `POST /api/v2/write?bucket=` and `POST /write?db=`: line protocol. Good lines are written even if others are bad,
/// unless `accept_partial=false`; the answer is 204 only if every line was written and is durable.
///
/// A retention policy of version 1 (`rp`) other than `autogen` makes the namespace `db/rp`, as InfluxDB maps it to a
/// bucket.
final class LineWriteEndpoint {
    /// Bad lines that are described in an answer; all are counted.
    private static final int MAX_ERRORS = 100;

    private static final CompletionStage<WriteOutcome> NOTHING_TO_WRITE =
            CompletableFuture.completedStage(new WriteOutcome.Written(SequenceNumber.NONE));

    private final WriteAdmission admission;
    private final Refusals refusals;
    private final WriteHandler writes;
    private final BiFunction<NamespaceName, CatalogAccess, KnownColumns> known;
    private final InstantSource clock;
    private final BodyReader bodies;
    private final LineParsers parsers;
    private final IntSupplier maxRequests;
    private final AtomicInteger requests = new AtomicInteger();

    /// @param known what is known of a namespace's tables
    /// @param maxRequests whose bodies may be held at once; asked for each
    LineWriteEndpoint(
            WriteAdmission admission,
            Refusals refusals,
            WriteHandler writes,
            BiFunction<NamespaceName, CatalogAccess, KnownColumns> known,
            InstantSource clock,
            BodyReader bodies,
            LineParsers parsers,
            IntSupplier maxRequests) {
        this.admission = admission;
        this.refusals = refusals;
        this.writes = writes;
        this.known = known;
        this.clock = clock;
        this.bodies = bodies;
        this.parsers = parsers;
        this.maxRequests = maxRequests;
    }

    /// Writes the request's lines; returns if all were written. The request is refused before its body is read if it
    /// would not be let in; it is let in when its body is there, so that a client that sends slowly holds no place.
    ///
    /// @param namespaceOf finds the namespace among the query's parameters
    /// @param place holds the request's place until the client has its answer
    void handle(HttpCall call, Map<String, String> query, NamespaceParameter namespaceOf, Place place)
            throws HttpError {
        NamespaceName namespace = namespaceOf.find(query);
        Precision precision = precision(query);
        boolean acceptPartial = acceptPartial(query);
        Optional<Refused> refusal = admission.refusal(namespace);
        if (refusal.isPresent()) {
            throw HttpError.refused(refusal.get());
        }
        // The body is held until the outcome is known: it may have to be parsed again.
        try (Entered _ = enter();
                WorkQueue.Presence _ = admission.enter();
                RequestBody body = bodies.read(call)) {
            switch (admission.admit(namespace)) {
                case Admission.Rejected(Refused why) -> throw HttpError.refused(why);
                case Admission.Admitted(AdmissionPermit permit) -> {
                    place.hold(permit);
                    // Others may have come while the body was read.
                    Optional<Refused> late = admission.workRefusal();
                    if (late.isPresent()) {
                        throw HttpError.refused(late.get());
                    }
                    write(body, namespace, precision, acceptPartial, admission.catalogAccess(permit));
                }
            }
        }
    }

    /// A place among those whose bodies are held.
    @FunctionalInterface
    private interface Entered extends AutoCloseable {
        @Override
        void close();
    }

    private Entered enter() throws HttpError {
        int limit = maxRequests.getAsInt();
        int under = requests.getAndUpdate(count -> count < limit ? count + 1 : count);
        if (under >= limit) {
            throw HttpError.refused(refusals.of(
                    Reason.ADMISSION_LIMIT,
                    "%d write requests are under way, which is the limit (--inflight-ops)".formatted(limit),
                    new Quota("HTTP", "BODIES", limit, under)));
        }
        return requests::decrementAndGet;
    }

    /// Finds the namespace of a request.
    @FunctionalInterface
    interface NamespaceParameter {
        NamespaceName find(Map<String, String> query) throws HttpError;
    }

    static NamespaceName bucket(Map<String, String> query) throws HttpError {
        return name(query, "bucket", "");
    }

    static NamespaceName database(Map<String, String> query) throws HttpError {
        String policy = Optional.ofNullable(query.get("rp")).orElse("");
        return name(query, "db", policy.isEmpty() || policy.equals("autogen") ? "" : "/" + policy);
    }

    private static NamespaceName name(Map<String, String> query, String parameter, String suffix) throws HttpError {
        String value = Optional.ofNullable(query.get(parameter)).orElse("");
        if (value.isEmpty()) {
            throw HttpError.invalid("parameter '%s' is missing: it names the namespace".formatted(parameter));
        }
        try {
            return new NamespaceName(value + suffix);
        } catch (IllegalArgumentException e) {
            throw HttpError.invalid("parameter '%s': %s".formatted(parameter, e.getMessage()));
        }
    }

    private static Precision precision(Map<String, String> query) throws HttpError {
        String name = Optional.ofNullable(query.get("precision"))
                .filter(text -> !text.isEmpty())
                .orElse("ns");
        return Precision.parse(name)
                .orElseThrow(() -> HttpError.invalid(
                        "parameter 'precision' is '%s': expected ns, us, ms or s (n, u, m, h too)".formatted(name)));
    }

    private static boolean acceptPartial(Map<String, String> query) throws HttpError {
        String value = Optional.ofNullable(query.get("accept_partial")).orElse("true");
        return switch (value) {
            case "true", "" -> true;
            case "false" -> false;
            default ->
                throw HttpError.invalid("parameter 'accept_partial' is '%s': expected true or false".formatted(value));
        };
    }

    private void write(
            RequestBody body,
            NamespaceName namespace,
            Precision precision,
            boolean acceptPartial,
            CatalogAccess catalog)
            throws HttpError {
        Instant now = clock.instant();
        long nowNs = Math.addExact(Math.multiplyExact(now.getEpochSecond(), 1_000_000_000L), now.getNano());
        for (boolean again = true; ; again = false) {
            Begun begun = work(
                    body,
                    turn -> begin(body, namespace, precision, nowNs, acceptPartial, turn, pausing(turn, catalog)));
            ParsedLines lines = begun.lines();
            if (lines.badLines() > 0 && !acceptPartial) {
                throw HttpError.badLines(
                        "%d of %d lines are bad, and nothing was written (accept_partial=false)"
                                .formatted(lines.badLines(), lines.badLines() + lines.rows()),
                        new HttpError.BadLines(0, lines.badLines(), lines.errors()));
            }
            // A column that somebody else created meanwhile: now its lines are told from the good ones.
            if (!isWritten(begun.outcome().toCompletableFuture().join(), again)) {
                continue;
            }
            if (lines.badLines() > 0) {
                throw HttpError.badLines(
                        "partial write: %d lines were written, %d are bad".formatted(lines.rows(), lines.badLines()),
                        new HttpError.BadLines(lines.rows(), lines.badLines(), lines.errors()));
            }
            return;
        }
    }

    /// A write on its way, or nothing to write.
    private record Begun(ParsedLines lines, CompletionStage<WriteOutcome> outcome) {}

    private Begun begin(
            RequestBody body,
            NamespaceName namespace,
            Precision precision,
            long nowNs,
            boolean acceptPartial,
            WorkQueue.Turn turn,
            CatalogAccess catalog) {
        KnownColumns columns = known.apply(namespace, catalog);
        ParsedLines lines = parsers.parse(
                body.bytes(),
                0,
                body.lengthBytes(),
                new ParseOptions(namespace, precision, nowNs, MAX_ERRORS, table -> {
                    Optional<TableSchema> found = columns.find(table);
                    turn.resume();
                    return found;
                }));
        boolean isWrong = lines.badLines() > 0 && !acceptPartial;
        return new Begun(
                lines,
                isWrong || lines.request().isEmpty()
                        ? NOTHING_TO_WRITE
                        : writes.write(lines.request().get(), catalog));
    }

    /// Whoever waits for the catalog keeps no processor from the others.
    private static CatalogAccess pausing(WorkQueue.Turn turn, CatalogAccess catalog) {
        return new CatalogAccess() {
            @Override
            public Optional<Refused> enter() {
                turn.pause();
                return catalog.enter();
            }

            @Override
            public void leave() {
                catalog.leave();
            }
        };
    }

    private Begun work(RequestBody body, Function<WorkQueue.Turn, Begun> job) throws HttpError {
        try {
            return admission.work(
                    body.lengthBytes(),
                    job,
                    refused -> new Begun(ParsedLines.NONE, CompletableFuture.completedStage(refused)));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw HttpError.refused(refusals.of(Reason.GRACEFUL_STOP));
        }
    }

    /// Whether the good lines are written; false if they contradict the schema and may be parsed again.
    private static boolean isWritten(WriteOutcome outcome, boolean mayParseAgain) throws HttpError {
        return switch (outcome) {
            case WriteOutcome.Written _ -> true;
            case WriteOutcome.Conflict(String message) -> {
                if (mayParseAgain) {
                    yield false;
                }
                throw HttpError.invalid(message);
            }
            case WriteOutcome.Invalid(String message) -> throw HttpError.invalid(message);
            // Not 429 or 503: to send it again makes no sense until somebody raises the limit.
            case WriteOutcome.LimitReached(WriteOutcome.Limit limit, String message) ->
                throw HttpError.of(422, "unprocessable entity", "%s_LIMIT: %s".formatted(limit, message));
            case Refused refused -> throw HttpError.refused(refused);
            case WriteOutcome.Unknown(String message) ->
                throw HttpError.of(500, "internal error", "the write may have happened: " + message);
        };
    }
}
