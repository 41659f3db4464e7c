package io.sluice.ingester.admission;

import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.sluice.ingester.door.RetryDelays;
import io.sluice.ingester.door.WriteOutcome.Quota;
import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.ingester.door.WriteOutcome.Refused;
import io.sluice.model.NamespaceName;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/// Lets requests in, so many at once, before they cost anything: one compare-and-set, no lock, nobody is asked.
///
/// What is scarce behind the door has a bucket of its own, whose limit is low: the catalog (NEW), and the work up to a
/// query's first batch (INITIAL). Who has got it moves on to the pool's other bucket. Who needs it again moves back, or
/// is refused. Any thread may call any method.
public final class AdmissionController {
    private final RetryDelays delays;
    private final LongSupplier nanoTime;
    private final Map<Pool, BucketPair> pools = new EnumMap<>(Pool.class);
    /// By their ordinals.
    private final BucketState[] buckets;
    private final NamespaceCounts namespaces = new NamespaceCounts();
    private final DistributionSummary retryAfter;
    private volatile AdmissionLimits limits;

    /// @param delays when those who are refused may come back
    /// @param nanoTime nanoseconds from any beginning
    public AdmissionController(
            AdmissionLimits limits, RetryDelays delays, LongSupplier nanoTime, MeterRegistry metrics) {
        this.limits = limits;
        this.delays = delays;
        this.nanoTime = nanoTime;
        for (Pool pool : Pool.values()) {
            pools.put(pool, new BucketPair(0, 0));
        }
        setLimits(limits);
        List<BucketState> states = new ArrayList<>();
        for (Bucket bucket : Bucket.values()) {
            Optional<BucketState> earlier = bucket.isLater() ? Optional.of(states.getLast()) : Optional.empty();
            states.add(new BucketState(bucket, pair(bucket.pool()), earlier, metrics));
        }
        this.buckets = states.toArray(BucketState[]::new);
        this.retryAfter = DistributionSummary.builder("sluice.admission.retry.after")
                .description("How long those who were refused were told to wait")
                .baseUnit("seconds")
                .register(metrics);
        Gauge.builder("sluice.admission.waiting", this::waiting)
                .description("Writes of streams that wait for their way to the catalog")
                .register(metrics);
        Gauge.builder("sluice.admission.namespaces", namespaces::namespaces)
                .description("Namespaces whose writes are counted")
                .register(metrics);
    }

    private void setLimits(AdmissionLimits next) {
        pair(Pool.WRITE).limit(next.writeNew(), next.writeExisting());
        pair(Pool.QUERY).limit(next.queryInitial(), next.queryStreaming());
        pair(Pool.WRITE_STREAM).limit(next.writeStreams(), 0);
    }

    private BucketPair pair(Pool pool) {
        return Objects.requireNonNull(pools.get(pool));
    }

    @SuppressWarnings("EnumOrdinal") // an index in memory
    private BucketState state(Bucket bucket) {
        return buckets[bucket.ordinal()];
    }

    /// Lets a request in, or says why not.
    public Admission tryAdmit(Bucket bucket) {
        return state(bucket).tryAcquire()
                ? new Admission.Admitted(new AdmissionPermit(buckets, bucket, Optional.empty()))
                : new Admission.Rejected(refuse(bucket));
    }

    /// Lets a write of a namespace in, or says why not.
    public Admission tryAdmit(Bucket bucket, NamespaceName namespace) {
        int limit = limits.namespaceWrites();
        if (limit == 0) {
            return tryAdmit(bucket);
        }
        if (!namespaces.tryEnter(namespace, limit)) {
            return new Admission.Rejected(refuse(bucket, namespace, limit));
        }
        if (!state(bucket).tryAcquire()) {
            namespaces.leave(namespace);
            return new Admission.Rejected(refuse(bucket));
        }
        return new Admission.Admitted(
                new AdmissionPermit(buckets, bucket, Optional.of(() -> namespaces.leave(namespace))));
    }

    /// As [#tryAdmit(Bucket)], but waits for room.
    ///
    /// @throws InterruptedException if the thread was told to stop waiting; then nothing is counted
    public Admission awaitAdmit(Bucket bucket, Duration timeout) throws InterruptedException {
        return state(bucket).awaitAcquire(timeout.toNanos())
                ? new Admission.Admitted(new AdmissionPermit(buckets, bucket, Optional.empty()))
                : new Admission.Rejected(refuse(bucket));
    }

    /// Whether nobody would be let in at this moment.
    public boolean isFull(Bucket bucket) {
        return state(bucket).isFull();
    }

    /// Why a request is not let into a bucket that is full. Counts the refusal.
    public Refused refuse(Bucket bucket) {
        BucketState full = state(bucket);
        full.countRefused();
        Quota quota = new Quota(bucket.pool().name(), bucket.name(), full.limit(), full.count());
        return new Refused(
                Reason.ADMISSION_LIMIT,
                "%d %s are under way, and %d may be (%s)"
                        .formatted(quota.current(), bucket.description(), quota.limit(), bucket.option()),
                record(delays.after(full.secondsToEmpty())),
                Optional.of(quota));
    }

    private Refused refuse(Bucket bucket, NamespaceName namespace, int limit) {
        BucketState of = state(bucket);
        of.countRefused();
        Quota quota = new Quota(bucket.pool().name(), namespace.value(), limit, namespaces.count(namespace));
        return new Refused(
                Reason.NAMESPACE_LIMIT,
                "%d writes of namespace '%s' are under way, and %d may be (--admission-namespace-writes)"
                        .formatted(quota.current(), namespace, limit),
                record(delays.after(of.secondsToEmpty())),
                Optional.of(quota));
    }

    private Duration record(Duration delay) {
        retryAfter.record((double) delay.toNanos() / TimeUnit.SECONDS.toNanos(1));
        return delay;
    }

    /// Requests that are in.
    public int count(Bucket bucket) {
        return state(bucket).count();
    }

    /// Requests that wait in [#awaitAdmit].
    public int waiting() {
        return pools.values().stream().mapToInt(BucketPair::waiting).sum();
    }

    /// Lets in so many from now on. Who is in stays in; while more are in than may be, nobody else is let in.
    public void reconfigure(AdmissionLimits next) {
        limits = next;
        setLimits(next);
    }

    public AdmissionLimits limits() {
        return limits;
    }

    /// Looks how fast requests leave, from which follows when those who are refused may come back. To be called several
    /// times a second.
    public void observe() {
        long nowNanos = nanoTime.getAsLong();
        for (BucketState bucket : buckets) {
            bucket.observe(nowNanos);
        }
    }

    /// What is let in.
    public AdmissionStatistics stats() {
        return new AdmissionStatistics(
                Arrays.stream(buckets).map(BucketState::statistics).toList(), namespaces.namespaces());
    }
}
