package io.sluice.ingester;

import io.sluice.ingester.admission.TimestampOracle;
import io.sluice.ingester.buffer.BufferTree.BufferStatistics;
import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.ingester.grpc.GrpcServer;
import io.sluice.ingester.http.HttpDoor;
import io.sluice.ingester.replay.ReplayListener;
import io.sluice.ingester.replay.ReplayStatus;
import io.sluice.ingester.rotation.UnpersistedAge;
import io.sluice.ingester.settings.MemoryPlan;
import io.sluice.ingester.settings.ServeSettings;
import io.sluice.ingester.settings.Setting;
import io.sluice.ingester.threads.Carriers;
import io.sluice.model.IngesterId;
import io.sluice.model.SequenceNumber;
import io.sluice.persist.FreezeReason;
import io.sluice.persist.catalog.Catalog.Registration;
import io.sluice.persist.catalog.Catalogs;
import io.sluice.wal.QuarantineFolder;
import io.sluice.wal.ReplayReport;
import io.sluice.wal.WalListener;
import java.io.IOException;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The running service: [#start] replays the log and then takes writes, [#stop] persists what it can and leaves the
/// rest in the log. Both are called once, by one thread.
public final class IngesterServer {
    /// The log failed: what was being written may or may not be there. As EX_IOERR of sysexits.h.
    public static final int EXIT_LOG_FAILED = 74;
    /// Another process runs under this one's id. As EX_SOFTWARE of sysexits.h.
    public static final int EXIT_FENCED = 70;

    private static final Logger LOG = LoggerFactory.getLogger(IngesterServer.class);
    private static final Duration TICK = Duration.ofMillis(100);
    /// Between a fatal failure and the end of the process, which is to come within a second: time for clients to hear
    /// of it.
    private static final Duration FATAL_GRACE = Duration.ofMillis(700);
    /// Of a stop's deadline, for closing connections after rows are persisted.
    private static final Duration CLOSE_GRACE = Duration.ofSeconds(1);
    /// Behind a stop's deadline: a stop that has not ended by then waits for a disk that does not answer.
    private static final Duration STOP_GRACE = Duration.ofSeconds(5);

    private final Wiring wiring;
    private final IngesterIdentity identity;
    private final UnpersistedAge unpersisted;
    /// What the catalog knew of the ingester when this process started.
    private final Registration known;

    private final GrpcServer grpc;
    private final HttpDoor http;
    private final ScheduledExecutorService maintenance;
    /// Never waits for a disk, as maintenance may: says how the server is, and ends the process.
    private final ScheduledExecutorService watch;
    private final Tracing tracing;
    private final IntConsumer exit;
    private final ReplayListener replayListener;
    /// Whether the listener heard that the replay has ended; for the thread of the ticks.
    private boolean isReplayTold;
    /// With which the process has to end; 0 while nothing is wrong.
    private final AtomicInteger fatalExitCode = new AtomicInteger();

    private IngesterServer(ServeSettings settings, Tracing tracing, IntConsumer exit, ReplayListener replayListener)
            throws IOException {
        this.tracing = tracing;
        this.exit = exit;
        this.replayListener = replayListener;
        this.maintenance = Executors.newSingleThreadScheduledExecutor(threads("maintenance"));
        this.watch = Executors.newSingleThreadScheduledExecutor(threads("watch"));
        boolean done = false;
        try {
            this.wiring = new Wiring(settings, this::fatal);
            this.unpersisted = new UnpersistedAge(wiring.metrics);
            this.identity = new IngesterIdentity(settings.wal().directory(), wiring.wal::owner);
            IngesterId id = identity.loadOrCreate();
            wiring.wal.belongsTo(id.value());
            this.known = register(id);
            wiring.state.set(Reason.NOT_READY);
            wiring.pipeline.set(wiring.buildPipeline(id, threads("replay")));
            ServerReports reports = new ServerReports(wiring);
            this.grpc = wiring.buildGrpc(reports, tracing.api());
            this.http = bind("--http-bind", settings.httpBind(), () -> wiring.buildHttp(reports));
            wiring.live.onChange(
                    now -> {
                        http.reconfigure(now.connections());
                        grpc.reconfigure(now.connections());
                    },
                    Setting.MAX_CONNECTIONS,
                    Setting.IDLE_CONNECTION_TIMEOUT,
                    Setting.SLOW_CLIENT_TIMEOUT);
            done = true;
        } finally {
            if (!done) {
                maintenance.shutdownNow();
                watch.shutdownNow();
            }
        }
    }

    private static ThreadFactory threads(String name) {
        return Thread.ofPlatform().name(name + "-", 0).factory();
    }

    /// Starts the service; returns when it takes writes.
    ///
    /// @param tracing is closed by the stop
    /// @param exit ends the process at once, with an exit code; called when nothing else is left to do
    /// @throws IOException if a part cannot be opened, an address cannot be bound, or the log cannot be read
    public static IngesterServer start(ServeSettings settings, Tracing tracing, IntConsumer exit)
            throws IOException, InterruptedException {
        return start(settings, tracing, exit, _ -> {}, _ -> {});
    }

    /// As [#start(ServeSettings, Tracing, IntConsumer)].
    ///
    /// @param reloads is handed, once, what reads the configuration file again, and may be run at any time
    ///     from then on
    /// @param replayListener hears how far the replay is, on a thread of the server
    public static IngesterServer start(
            ServeSettings settings,
            Tracing tracing,
            IntConsumer exit,
            Consumer<Runnable> reloads,
            ReplayListener replayListener)
            throws IOException, InterruptedException {
        IngesterServer server = new IngesterServer(settings, tracing, exit, replayListener);
        reloads.accept(server::reloadSettings);
        try {
            server.run();
        } catch (IOException e) {
            // What failed may be a consequence: then the process ends for the reason that was told.
            server.endIfFatal();
            throw e;
        }
        return server;
    }

    @FunctionalInterface
    private interface Binding<T> {
        T bind() throws IOException;
    }

    /// Says which address it is that cannot be bound, and why: the libraries say the one or the other.
    private static <T> T bind(String option, InetSocketAddress address, Binding<T> binding) throws IOException {
        try {
            return binding.bind();
        } catch (IOException e) {
            Throwable why = e.getCause() instanceof BindException cause ? cause : e;
            throw new IOException(
                    "%s: cannot listen on %s:%d: %s"
                            .formatted(option, address.getHostString(), address.getPort(), why.getMessage()),
                    e);
        }
    }

    private Registration register(IngesterId id) throws IOException {
        Registration registration = wiring.catalog.registerIngester(id);
        wiring.epochs.put(id, registration.epoch());
        return registration;
    }

    private void run() throws IOException, InterruptedException {
        Carriers.startAll();
        wiring.background.lowerCompiler();
        wiring.persister.start(wiring.background.factory("persist"));
        var _ = bind("--grpc-bind", wiring.settings.grpcBind(), () -> {
            grpc.start();
            return grpc;
        });
        http.start();
        LOG.info(
                "sluice {} on gRPC port {}, HTTP port {}, log {}, objects {}, catalog {}",
                Version.number(),
                grpc.port(),
                http.port(),
                wiring.settings.wal().directory(),
                wiring.store.describe(),
                Catalogs.describe(wiring.settings.catalog()));
        tellMemory(wiring.settings.memory());
        var _ = maintenance.scheduleWithFixedDelay(this::tick, TICK.toMillis(), TICK.toMillis(), TimeUnit.MILLISECONDS);
        var _ = watch.scheduleWithFixedDelay(this::tellHealth, TICK.toMillis(), TICK.toMillis(), TimeUnit.MILLISECONDS);
        replay();
        WritePipeline pipeline = wiring.pipeline.get();
        wiring.wal.start(
                new TimestampOracle(wiring.wal.lastSequence()),
                pipeline.ingester().value(),
                threads("wal"),
                new LogNews(pipeline));
        wiring.listeners.checkAllAreHeard();
        wiring.writes.set(pipeline.writes());
        wiring.state.clear(Reason.NOT_READY);
        grpc.setServing(true);
        LOG.info(
                "ready, ingester {}, next sequence number {}",
                pipeline.ingester(),
                wiring.wal.lastSequence().next());
    }

    private void tellMemory(MemoryPlan memory) {
        LOG.info(
                "memory {} bytes (--memory): heap {}, rows {}, queries {}, network {}, direct buffers {}, and at most {}"
                        + " beside it",
                memory.memoryBytes(),
                memory.heapBytes(),
                wiring.settings.bufferBytes(),
                wiring.settings.queryMemoryBytes(),
                memory.networkBytes(),
                memory.directBytes(),
                memory.overheadBytes());
        long heapBytes = Runtime.getRuntime().maxMemory();
        if (heapBytes > memory.heapBytes() + memory.heapBytes() / 8) {
            LOG.warn(
                    "the heap may take {} bytes, and the process more than --memory: it was not sized by ./sluice, or by"
                            + " SLUICE_JAVA_OPTS",
                    heapBytes);
        }
    }

    /// Hears of the log.
    private final class LogNews implements WalListener {
        private final WritePipeline pipeline;

        LogNews(WritePipeline pipeline) {
            this.pipeline = pipeline;
        }

        @Override
        public void completed(SequenceNumber through) {
            pipeline.sink().completed(through);
        }

        @Override
        public void failed(IOException cause) {
            wiring.state.set(Reason.WAL_FAILED);
            fatal(EXIT_LOG_FAILED, "the log failed: " + cause.getMessage());
            pipeline.stable().fail(cause);
        }

        @Override
        public int writesInFlight() {
            return wiring.inFlight.writes();
        }
    }

    private void replay() throws IOException, InterruptedException {
        WritePipeline old = wiring.pipeline.get();
        wiring.replay.begin();
        ReplayReport report = old.replayer().replay(wiring.wal, known.highestPersisted());
        wiring.replay.end();
        wiring.replayed.set(Optional.of(report));
        wiring.quarantined().ifPresent(IngesterServer::warnOf);
        report.problems().forEach(problem -> wiring.errors.add("log", problem));
        boolean isIdGivenUp = known.highestPersisted().isAfter(wiring.wal.lastSequence());
        if (!isIdGivenUp && wiring.wal.lastSequence().isAfter(old.stable().stable())) {
            // Numbers that only segments' headers tell of: their writes are in files.
            old.stable().publish(wiring.wal.lastSequence());
        }
        // All that an earlier process acknowledged is in the buffer, or in files.
        wiring.replayGate.open();
        if (isIdGivenUp) {
            takeNewId(old);
        }
    }

    /// At every start, until somebody has looked.
    private static void warnOf(QuarantineFolder.Contents quarantined) {
        if (!quarantined.items().isEmpty()) {
            LOG.warn(
                    "{} files, {} bytes, are set aside in {}: damage in the log, segments of other logs, or writes that did not apply;"
                            + " {} entries were lost to damage of {} bytes;"
                            + " sluice wal quarantine lists them, and --discard ends this warning",
                    quarantined.items().size(),
                    quarantined.bytes(),
                    quarantined.items().getFirst().file().getParent(),
                    quarantined.loss().entries(),
                    quarantined.loss().bytes());
        }
    }

    /// The catalog has numbers of this ingester that the log has not: the folder is a copy of an older state, or
    /// segments were lost. To go on would give those numbers out again. So what the log holds becomes files under
    /// the old id, and writing begins anew under another. Killed on the way, the next start does the same again:
    /// the segments are deleted when their rows are in files, and the new id comes last.
    private void takeNewId(WritePipeline old) throws IOException, InterruptedException {
        String message =
                "the catalog knows writes of ingester %s up to %s, the log ends at %s: its rows are persisted under that id,"
                                .formatted(old.ingester(), known.highestPersisted(), wiring.wal.lastSequence())
                        + " and a new id is taken";
        wiring.givingUpId.set(true);
        LOG.warn("{}", message);
        wiring.errors.add("identity", message);
        try {
            var _ = old.buffer()
                    .persist(Optional.empty(), Optional.empty(), FreezeReason.REPLAY)
                    .toCompletableFuture()
                    .get();
        } catch (ExecutionException e) {
            throw new IOException("cannot persist the rows of the log under the old id", e);
        }
        wiring.wal.discardAll();
        IngesterId id = identity.create();
        register(id);
        WritePipeline fresh = wiring.buildPipeline(id, threads("replay"));
        // On the thread of the ticks: none may still have a watermark of the old numbers in its hand, by which it
        // would delete segments of the new ones.
        try {
            maintenance.submit(() -> wiring.pipeline.set(fresh)).get();
        } catch (ExecutionException e) {
            throw new IllegalStateException(e);
        }
        old.buffer().close();
        wiring.givingUpId.set(false);
    }

    private void tick() {
        try {
            wiring.idleStreams.endIdle();
            tellReplay();
            WritePipeline now = wiring.pipeline.get();
            wiring.disks.tick();
            now.triggers().tick();
            unpersisted.observe(now.buffer().oldestUnpersistedAges());
        } catch (RuntimeException e) {
            LOG.error("maintenance failed; it goes on", e);
            wiring.errors.add("maintenance", String.valueOf(e));
        }
    }

    private void tellHealth() {
        try {
            Carriers.keep();
            wiring.admission.observe();
            wiring.persistRoom.observe(wiring.nanoTime.getAsLong(), wiring.persister.backlog());
            http.checkConnections();
            grpc.checkConnections();
            boolean isStalled = wiring.logStall.observe();
            grpc.setServing(!isStalled && !wiring.state.has(Reason.NOT_READY) && !wiring.state.has(Reason.WAL_FAILED));
        } catch (RuntimeException e) {
            LOG.error("the server's health cannot be told; it is tried again", e);
        }
    }

    private void tellReplay() {
        if (!isReplayTold) {
            ReplayStatus status = wiring.replay.status();
            isReplayTold = status.isEnded();
            replayListener.progress(status);
        }
    }

    private void fatal(int exitCode, String message) {
        LOG.error("{}; the process ends with exit code {}", message, exitCode);
        wiring.errors.add("fatal", message);
        fatalExitCode.compareAndSet(0, exitCode);
        var _ = watch.schedule(() -> exit.accept(exitCode), FATAL_GRACE.toMillis(), TimeUnit.MILLISECONDS);
    }

    private void reloadSettings() {
        try {
            var _ = wiring.live.reload();
        } catch (RuntimeException e) {
            LOG.error("the settings cannot be read again; they stay as they are", e);
            wiring.errors.add("settings", String.valueOf(e));
        }
    }

    public int grpcPort() {
        return grpc.port();
    }

    public int httpPort() {
        return http.port();
    }

    /// Refuses new writes, lets those in flight end, persists all rows within the deadline, leaves the rest in the
    /// log, and lets go of everything.
    public void stop() throws InterruptedException, IOException {
        Duration deadline = wiring.live.current().shutdownDeadline();
        long endNs = wiring.nanoTime.getAsLong() + deadline.toNanos();
        LOG.info("stopping");
        var _ = watch.schedule(this::abandonStop, deadline.plus(STOP_GRACE).toMillis(), TimeUnit.MILLISECONDS);
        wiring.replayGate.stop();
        wiring.state.set(Reason.GRACEFUL_STOP);
        grpc.endServing();
        grpc.stopStreams();
        if (!wiring.inFlight.awaitNone(remaining(endNs))) {
            LOG.warn("{} writes are still in flight at the deadline", wiring.inFlight.writes());
        }
        WritePipeline pipeline = wiring.pipeline.get();
        persistAll(pipeline, endNs);
        pipeline.triggers().dropSegments();
        maintenance.shutdownNow();
        grpc.stop(CLOSE_GRACE);
        http.stop(Duration.ZERO);
        wiring.persister.stop(remaining(endNs));
        tellWhatIsLeft(pipeline.buffer().statistics());
        wiring.wal.close();
        tracing.close();
        pipeline.buffer().close();
        wiring.calls.shutdown();
        wiring.uploads.shutdown();
        wiring.parsers.shutdown();
        wiring.catalog.close();
        wiring.store.close();
        watch.shutdownNow();
        LOG.info("stopped");
        // The stop may have been quicker than the end that a failure had set.
        endIfFatal();
    }

    /// What was acknowledged is in the log, and what waits for it was not acknowledged: the next start goes on from
    /// there.
    private void abandonStop() {
        LOG.error(
                "the stop has not ended {} s after its deadline{}; the process ends all the same, and what was"
                        + " acknowledged is in the log or in files",
                STOP_GRACE.toSeconds(),
                wiring.logStall.reason().map(reason -> ": " + reason).orElse(""));
        fatalExitCode.compareAndSet(0, EXIT_LOG_FAILED);
        endIfFatal();
    }

    private void endIfFatal() {
        int exitCode = fatalExitCode.get();
        if (exitCode != 0) {
            exit.accept(exitCode);
        }
    }

    private void persistAll(WritePipeline pipeline, long endNs) throws InterruptedException {
        try {
            var _ = pipeline.buffer()
                    .persist(Optional.empty(), Optional.empty(), FreezeReason.SHUTDOWN)
                    .toCompletableFuture()
                    .get(Math.max(1, remaining(endNs).toNanos()), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            LOG.warn("not all rows could be persisted by the deadline (--shutdown-deadline)");
        } catch (ExecutionException e) {
            LOG.warn("not all rows could be persisted", e.getCause());
        }
    }

    private static void tellWhatIsLeft(BufferStatistics held) {
        long rows = held.fillingRows() + held.frozenRows();
        if (rows > 0) {
            LOG.warn("{} rows are in no file: they stay in the log, and the next start has them", rows);
        }
    }

    private Duration remaining(long endNs) {
        return Duration.ofNanos(Math.max(0, endNs - wiring.nanoTime.getAsLong()));
    }
}
