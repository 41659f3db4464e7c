package io.sluice.ingester;

import io.grpc.BindableService;
import io.grpc.ServerInterceptor;
import io.grpc.ServerInterceptors;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.trace.Tracer;
import io.sluice.ingester.admission.AdmissionController;
import io.sluice.ingester.admission.IngestState;
import io.sluice.ingester.admission.KnownTables;
import io.sluice.ingester.admission.Refusals;
import io.sluice.ingester.admission.RoomEstimate;
import io.sluice.ingester.admission.WorkQueue;
import io.sluice.ingester.admission.WriteAdmission;
import io.sluice.ingester.buffer.BufferTree;
import io.sluice.ingester.disk.DiskGuard;
import io.sluice.ingester.disk.DiskSpace;
import io.sluice.ingester.door.CatalogAccess;
import io.sluice.ingester.door.FixedByteBudget;
import io.sluice.ingester.door.RetryDelays;
import io.sluice.ingester.door.StreamedWriteHandler;
import io.sluice.ingester.door.Waiting;
import io.sluice.ingester.door.WriteOutcome;
import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.ingester.door.WritePermit;
import io.sluice.ingester.grpc.AdminServiceDoor;
import io.sluice.ingester.grpc.CatalogServiceDoor;
import io.sluice.ingester.grpc.GrpcServer;
import io.sluice.ingester.grpc.NamespaceServiceDoor;
import io.sluice.ingester.grpc.TraceContextInterceptor;
import io.sluice.ingester.http.HttpDoor;
import io.sluice.ingester.ledger.Account;
import io.sluice.ingester.ledger.Ledger;
import io.sluice.ingester.lineprotocol.KnownColumns;
import io.sluice.ingester.lineprotocol.LineParsers;
import io.sluice.ingester.replay.ReplayWatch;
import io.sluice.ingester.replay.WalReplayer;
import io.sluice.ingester.rotation.MemoryMarks;
import io.sluice.ingester.rotation.PersistTriggers;
import io.sluice.ingester.schema.CatalogNamespaces;
import io.sluice.ingester.schema.PartitionSplitter;
import io.sluice.ingester.schema.SchemaCache;
import io.sluice.ingester.settings.LiveSettings;
import io.sluice.ingester.settings.ServeSettings;
import io.sluice.ingester.settings.Setting;
import io.sluice.ingester.sink.InstrumentedSink;
import io.sluice.ingester.sink.StableWatermark;
import io.sluice.ingester.sink.WalSink;
import io.sluice.ingester.status.Down;
import io.sluice.ingester.status.LogStall;
import io.sluice.ingester.status.RecentErrors;
import io.sluice.ingester.threads.BackgroundThreads;
import io.sluice.ingester.write.InFlightWrites;
import io.sluice.ingester.write.RefusalCounts;
import io.sluice.ingester.write.WritePath;
import io.sluice.ingester.write.WritePreparer;
import io.sluice.model.IngesterId;
import io.sluice.model.NamespaceName;
import io.sluice.model.TableName;
import io.sluice.model.TableSchema;
import io.sluice.persist.PersistListener;
import io.sluice.persist.Persister;
import io.sluice.persist.catalog.Catalog;
import io.sluice.persist.catalog.CatalogContext;
import io.sluice.persist.catalog.Catalogs;
import io.sluice.persist.catalog.InstrumentedCatalog;
import io.sluice.persist.catalog.StaleEpochException;
import io.sluice.persist.retry.Availability;
import io.sluice.persist.store.InstrumentedObjectStore;
import io.sluice.persist.store.ObjectStore;
import io.sluice.persist.store.ObjectStores;
import io.sluice.persist.store.StoreContext;
import io.sluice.query.BufferQueryExec;
import io.sluice.query.InstrumentedQueryExec;
import io.sluice.query.QueryExec;
import io.sluice.query.QuerySource;
import io.sluice.query.TracedQueryExec;
import io.sluice.query.TracedQuerySource;
import io.sluice.query.flight.FlightServices;
import io.sluice.query.flight.IdleStreams;
import io.sluice.wal.AppendSession;
import io.sluice.wal.QuarantineFolder;
import io.sluice.wal.ReplayReport;
import io.sluice.wal.Wal;
import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.ToLongFunction;
import java.util.random.RandomGenerator;
import org.apache.arrow.memory.AllocationListener;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Puts the service together: the one place that reads the real time, makes threads, and sees every part.
final class Wiring {
    private static final Logger LOG = LoggerFactory.getLogger(Wiring.class);
    /// Arrow's default rounds up to the next power of two, which would double what a batch of 5,000 rows takes.
    private static final long ALIGNMENT_BYTES = 64;

    /// How long a write that comes alone waits for room among those in flight, and a query for its place, before it is
    /// refused.
    private static final Duration MAX_WAIT = Duration.ofSeconds(1);

    /// How long it is remembered that the catalog does not have a table.
    private static final Duration NEGATIVE_MEMORY = Duration.ofSeconds(1);

    /// How long a query waits for the replay of the log, if its client has no deadline.
    private static final Duration MAX_QUERY_WAIT = Duration.ofMinutes(1);

    /// Requests with line protocol that may be under way in any case.
    private static final int ALWAYS_PRESENT = 16;

    /// As metrics name the log's disk.
    private static final String LOG_DISK = "log";

    /// Disks are looked at at least each time that requests of so many bytes were let in.
    private static final long DISK_LOOK_BYTES = 32L << 20;

    /// Those of the start; [#live] knows what has changed since.
    final ServeSettings settings;
    final LiveSettings live;
    final InstantSource clock = Clock.systemUTC();
    final LongSupplier nanoTime = System::nanoTime;
    final PrometheusMeterRegistry metrics = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    final RecentErrors errors = new RecentErrors(clock);
    final IngestState state = new IngestState(nanoTime, metrics);
    final InFlightWrites inFlight;
    final RefusalCounts refusals = new RefusalCounts(metrics);
    /// Ends query streams whose client does not read.
    final IdleStreams idleStreams;
    /// When those who are refused may come back.
    final RetryDelays delays;
    /// Lets requests in, so many at once.
    final AdmissionController admission;
    final WorkQueue work;
    private final Refusals refuser;
    /// Bodies of HTTP requests, counted apart from the writes that are made of them.
    final FixedByteBudget bodies;
    final Map<IngesterId, Long> epochs = new ConcurrentHashMap<>();
    final AtomicReference<WritePipeline> pipeline = new AtomicReference<>();
    /// Where the doors' writes go: nowhere until the start is over. So no write, however long it was on its way, comes
    /// to a pipeline whose id the start gave up.
    final AtomicReference<StreamedWriteHandler> writes = new AtomicReference<>();
    /// Whether the start takes a new id, and persists what the log holds under the old one.
    final AtomicBoolean givingUpId = new AtomicBoolean();
    /// What the start found in the log; empty while it is replayed.
    final AtomicReference<Optional<ReplayReport>> replayed = new AtomicReference<>(Optional.empty());
    /// Where queries wait for that.
    final ReplayGate replayGate;
    /// How far the start is with it.
    final ReplayWatch replay;
    /// What starts set aside of the log.
    final QuarantineFolder quarantine;
    final ExecutorService calls;
    /// Sends the parts of uploads.
    final ExecutorService uploads;
    /// Makes threads for what can wait a little.
    final BackgroundThreads background;
    /// Parse line protocol. There are as many as [#work] lets at once, and those that wait for the catalog.
    final ExecutorService parsers;
    final Availability catalogAvailability;
    final Availability storeAvailability;
    final BufferAllocator rootAllocator;
    final BufferAllocator bufferAllocator;
    final BufferAllocator queryAllocator;
    final Catalog catalog;
    final ObjectStore store;
    final SchemaCache schemas;
    final Wal wal;
    final LogStall logStall;
    final Persister persister;
    /// When a persist queue that is full will be half free.
    final RoomEstimate persistRoom = new RoomEstimate();
    final Ledger ledger;
    /// Bytes of gRPC messages that are not complete; none before there is a server.
    private final AtomicReference<LongSupplier> arriving = new AtomicReference<>(() -> 0);
    final DiskGuard disks;
    final SettingListeners listeners;

    /// Opens everything that is on disk, starts no thread but the executors'.
    ///
    /// @param onFenced hears that another process has taken this one's place
    /// @throws IOException if a part cannot be opened; those that were are closed
    Wiring(ServeSettings settings, FatalListener onFenced) throws IOException {
        this.settings = settings;
        this.live = new LiveSettings(settings, clock, metrics);
        this.delays = new RetryDelays(
                settings.retry(), () -> ThreadLocalRandom.current().nextDouble());
        this.refuser =
                new Refusals(delays, () -> outages().stream().map(Down::inBrief).toList());
        this.admission = new AdmissionController(settings.admission(), delays, nanoTime, metrics);
        this.background = new BackgroundThreads(settings.backgroundNice());
        this.parsers = Executors.newCachedThreadPool(background.factory("parse"));
        this.work = new WorkQueue(
                Runtime.getRuntime().availableProcessors(),
                ALWAYS_PRESENT,
                settings.maxWorkWait(),
                parsers,
                nanoTime,
                metrics);
        this.inFlight = new InFlightWrites(settings.inflightBytes(), settings.inflightOps(), nanoTime, metrics);
        this.idleStreams = new IdleStreams(settings.flight(), nanoTime, metrics);
        writes.set(WritePath.notReady(inFlight, refuser));
        this.replayGate =
                new ReplayGate(() -> live.current().admission().queryStreaming(), MAX_QUERY_WAIT, delays, metrics);
        this.bodies = new FixedByteBudget(SettingListeners.bodyBytes(settings), "--inflight-bytes");
        this.calls = Executors.newThreadPerTaskExecutor(
                Thread.ofVirtual().name("call-", 0).factory());
        this.uploads = Executors.newThreadPerTaskExecutor(
                Thread.ofVirtual().name("upload-", 0).factory());
        this.catalogAvailability = new Availability(
                "catalog " + Catalogs.describe(settings.catalog()), "sluice.catalog.up", clock, metrics);
        this.storeAvailability = new Availability(
                "object store " + settings.objectStore().address(), "sluice.object.store.up", clock, metrics);
        this.rootAllocator = new RootAllocator(
                AllocationListener.NOOP, Long.MAX_VALUE, size -> (size + ALIGNMENT_BYTES - 1) & -ALIGNMENT_BYTES);
        this.bufferAllocator = rootAllocator.newChildAllocator("buffer", 0, Long.MAX_VALUE);
        this.queryAllocator = rootAllocator.newChildAllocator("query", 0, settings.queryMemoryBytes());
        boolean done = false;
        Optional<Wal> openedWal = Optional.empty();
        Optional<Catalog> openedCatalog = Optional.empty();
        Optional<ObjectStore> openedStore = Optional.empty();
        try {
            // The log first: it has the lock that says whether this folder is ours.
            this.wal = Wal.open(settings.wal(), clock, nanoTime, metrics);
            openedWal = Optional.of(wal);
            RandomGenerator random = new SplittableRandom(new SecureRandom().nextLong());
            this.catalog = new InstrumentedCatalog(
                    Catalogs.open(
                            settings.catalog(),
                            new CatalogContext(
                                    clock,
                                    () -> live.current().catalogLimits(),
                                    Thread::sleep,
                                    random,
                                    name -> Optional.ofNullable(System.getenv(name)))),
                    catalogAvailability,
                    metrics);
            openedCatalog = Optional.of(catalog);
            this.store = new InstrumentedObjectStore(
                    ObjectStores.open(
                            settings.objectStore(), new StoreContext(clock, Thread::sleep, random, uploads, metrics)),
                    storeAvailability,
                    metrics);
            openedStore = Optional.of(store);
            this.schemas = new SchemaCache(
                    catalog, settings.createOnWrite(), settings.maxColumns(), NEGATIVE_MEMORY, nanoTime, metrics);
            this.persister = Persister.create(
                    settings.persist(),
                    () -> live.current().parquet(),
                    catalog,
                    store,
                    id -> epochs.getOrDefault(id, 0L),
                    clock,
                    nanoTime,
                    ThreadLocalRandom.current(),
                    metrics,
                    new PersistNews(onFenced));
            done = true;
        } finally {
            if (!done) {
                calls.shutdown();
                uploads.shutdown();
                parsers.shutdown();
                if (openedStore.isPresent()) {
                    openedStore.get().close();
                }
                if (openedCatalog.isPresent()) {
                    openedCatalog.get().close();
                }
                if (openedWal.isPresent()) {
                    openedWal.get().close();
                }
            }
        }
        delays.estimate(Reason.PERSIST_SATURATED, persistRoom::seconds);
        this.logStall = new LogStall(
                settings.wal().directory(),
                () -> live.current().walStallTimeout(),
                () -> wal.status().writingFor());
        this.quarantine = new QuarantineFolder(settings.wal().directory());
        this.replay = new ReplayWatch(
                wal::replayProgress,
                () -> current().map(p -> p.replayer().appliedRows()).orElse(0L),
                nanoTime);
        this.ledger = new Ledger(
                settings.ledger(),
                Map.of(
                        // Each with the rows that are decoded of it, which take about as much again.
                        Account.REQUESTS,
                        () -> 2 * inFlight.bytes(),
                        Account.WAITING,
                        inFlight::waitingBytes,
                        Account.BODIES,
                        bodies::usedBytes,
                        Account.ARRIVING,
                        () -> arriving.get().getAsLong(),
                        Account.FILLING,
                        () -> ofPipeline(p -> Math.max(
                                0, p.buffer().memoryBytes() - p.buffer().frozenBytes())),
                        Account.FROZEN,
                        () -> ofPipeline(p -> p.buffer().frozenBytes()),
                        Account.QUERIES,
                        queryAllocator::getAllocatedMemory,
                        Account.REPLAY,
                        () -> ofPipeline(p -> 2 * p.replayer().aheadBytes()),
                        Account.PERSISTING,
                        persister::workingBytes),
                metrics);
        this.disks = new DiskGuard(
                settings.disk(),
                folders(),
                LOG_DISK,
                settings.wal().directory().resolve(Wal.RESERVE),
                DiskSpace.REAL,
                state,
                metrics);
        new ServerGauges(this).register();
        this.listeners = new SettingListeners(this);
        listeners.tie();
    }

    /// What the server writes to on this machine, by the names of metrics.
    private Map<String, Path> folders() {
        Map<String, Path> folders = new LinkedHashMap<>();
        folders.put(LOG_DISK, settings.wal().directory());
        localFolder(store.describe(), "file:").ifPresent(folder -> folders.put("objects", folder));
        localFolder(settings.catalog(), "sqlite:").ifPresent(file -> folders.put("catalog", file));
        return folders;
    }

    private static Optional<Path> localFolder(String address, String scheme) {
        return address.startsWith(scheme) ? Optional.of(Path.of(address.substring(scheme.length()))) : Optional.empty();
    }

    private long ofPipeline(ToLongFunction<WritePipeline> figure) {
        WritePipeline now = pipeline.get();
        return now == null ? 0 : figure.applyAsLong(now);
    }

    /// Hears that the process must end.
    @FunctionalInterface
    interface FatalListener {
        void fatal(int exitCode, String message);
    }

    /// What starts set aside; empty if the folder cannot be read.
    Optional<QuarantineFolder.Contents> quarantined() {
        try {
            return Optional.of(quarantine.contents());
        } catch (IOException e) {
            LOG.warn("cannot read {}", quarantine.directory(), e);
            return Optional.empty();
        }
    }

    Optional<WritePipeline> current() {
        return Optional.ofNullable(pipeline.get());
    }

    /// What does not answer.
    List<Down> outages() {
        List<Down> down = new ArrayList<>();
        storeAvailability.outage().ifPresent(outage -> down.add(new Down("object store", store.describe(), outage)));
        catalogAvailability
                .outage()
                .ifPresent(outage -> down.add(new Down("catalog", Catalogs.describe(settings.catalog()), outage)));
        return down;
    }

    /// Builds the write path of an ingester id that was registered before.
    WritePipeline buildPipeline(IngesterId ingester, ThreadFactory threads) {
        ThreadFactory uniters = background.factory("unite");
        StableWatermark stable = new StableWatermark();
        BufferTree buffer = new BufferTree(
                ingester,
                schemas,
                catalog,
                stable,
                persister::enqueue,
                settings.persistHotBytes(),
                bufferAllocator,
                nanoTime,
                behindQuery -> uniters.newThread(behindQuery).start());
        live.follow(now -> buffer.limitPartitions(now.maxPartitions()), Setting.MAX_PARTITIONS);
        buffer.limitWaiting(settings.memory().waitingBytes());
        inFlight.limitWaiting(settings.memory().waitingBytes());
        live.follow(now -> buffer.reconfigure(now.persistHotBytes()), Setting.PERSIST_HOT_BYTES);
        MemoryMarks memory = new MemoryMarks(ledger, buffer, state, inFlight);
        live.follow(
                now -> inFlight.lookEvery(
                        Math.clamp(now.ledger().rowsBytes() / MemoryMarks.LOOKS, 1, DISK_LOOK_BYTES), () -> {
                            memory.check();
                            disks.check();
                        }),
                Setting.BUFFER_BYTES);
        PersistTriggers triggers = new PersistTriggers(
                buffer, wal, memory, disks::isLogFull, settings.persistMaxAge(), settings.partitionIdleTimeout());
        live.follow(
                now -> triggers.reconfigure(now.persistMaxAge(), now.partitionIdleTimeout()),
                Setting.PERSIST_MAX_AGE,
                Setting.PARTITION_IDLE_TIMEOUT);
        WritePreparer preparer = new WritePreparer(schemas, new PartitionSplitter(bufferAllocator), buffer);
        WalSink sink = new WalSink(wal, buffer, stable);
        WritePath path = new WritePath(
                state, inFlight, MAX_WAIT, refuser, preparer, new InstrumentedSink(sink, nanoTime, metrics));
        WalReplayer replayer = new WalReplayer(
                settings.wal().directory().resolve("quarantine"),
                preparer,
                buffer,
                stable,
                () -> {
                    memory.awaitRoom();
                    persister.awaitCapacity();
                },
                threads,
                metrics);
        return new WritePipeline(ingester, stable, buffer, sink, path, replayer, triggers);
    }

    /// Builds the gRPC server, Flight on it.
    GrpcServer buildGrpc(ServerReports reports, OpenTelemetry tracing) {
        QuerySource source = new CurrentSource();
        Tracer tracer = tracing.getTracer("io.sluice.query");
        QueryExec buffered = new BufferQueryExec(new TracedQuerySource(source, tracer), queryAllocator, metrics);
        QueryExec queries = new TracedQueryExec(new InstrumentedQueryExec(buffered, nanoTime, metrics), tracer);
        ServerInterceptor traceContext =
                new TraceContextInterceptor(tracing.getPropagators().getTextMapPropagator());
        BindableService flight = FlightServices.create(
                replayGate,
                new AdmittedQueries(admission, delays, work, MAX_WAIT),
                queries,
                source,
                idleStreams,
                queryAllocator,
                calls,
                Thread.ofVirtual().name("query-", 0).factory());
        GrpcServer server = new GrpcServer(
                settings.grpcBind(),
                GrpcServer.Limits.of(
                        settings.maxRequestBytes(),
                        settings.connections(),
                        settings.memory().maxCalls(),
                        settings.memory().networkBytes() / 2),
                calls,
                Thread.ofPlatform().name("grpc-", 0).factory(),
                nanoTime,
                bodies,
                writeAdmission(),
                new CurrentWrites(),
                reports::persist,
                reports.statusDocument(),
                metrics,
                List.of(
                        () -> ServerInterceptors.intercept(flight, traceContext),
                        new NamespaceServiceDoor(new CatalogNamespaces(catalog)),
                        new CatalogServiceDoor(catalog, settings.objectStore().address()),
                        new AdminServiceDoor(live)));
        arriving.set(server::arrivingBytes);
        return server;
    }

    /// Builds the HTTP server.
    HttpDoor buildHttp(ServerReports reports) throws IOException {
        HttpDoor.Parts parts = new HttpDoor.Parts(
                settings.connections(),
                settings.maxRequestBytes(),
                () -> live.current().inflightOps(),
                bodies,
                new LineParsers(
                        new SecureRandom().nextLong(),
                        Runtime.getRuntime().availableProcessors(),
                        settings.memory().parsersBytes(),
                        metrics),
                settings.memory().keptBodiesBytes(),
                writeAdmission(),
                refuser,
                new CurrentWrites(),
                this::known,
                reports::notReady,
                reports.statusDocument(),
                metrics::scrape,
                Version.number());
        return new HttpDoor(settings.httpBind(), calls, parts, clock, nanoTime, Thread::sleep, metrics);
    }

    private WriteAdmission writeAdmission() {
        return new WriteAdmission(
                state,
                admission,
                new KnownTables() {
                    @Override
                    public boolean isKnown(NamespaceName namespace) {
                        return schemas.isKnown(namespace);
                    }

                    @Override
                    public boolean isKnown(NamespaceName namespace, TableName table) {
                        return schemas.isKnown(namespace, table);
                    }
                },
                refuser,
                work,
                refusals::count);
    }

    /// The write path in use, which a start may exchange.
    private final class CurrentWrites implements StreamedWriteHandler {
        @Override
        public CompletionStage<WriteOutcome> write(byte[] request, CatalogAccess catalog) {
            return writes.get().write(request, catalog).whenComplete((outcome, failure) -> {
                if (failure == null) {
                    refusals.count(outcome);
                }
            });
        }

        @Override
        public Optional<WriteOutcome.Refused> crowded(long requestBytes) {
            Optional<WriteOutcome.Refused> refused = writes.get().crowded(requestBytes);
            refused.ifPresent(refusals::count);
            return refused;
        }

        @Override
        public Waiting enter(long requestBytes, Consumer<WritePermit> admitted) {
            return inFlight.enter(requestBytes, admitted);
        }

        @Override
        public void write(
                byte[] request,
                AppendSession session,
                CatalogAccess catalog,
                WritePermit permit,
                Consumer<WriteOutcome> told) {
            writes.get().write(request, session, catalog, permit, outcome -> {
                refusals.count(outcome);
                told.accept(outcome);
            });
        }

        @Override
        public boolean tryWrite(
                byte[] request, AppendSession session, WritePermit permit, Consumer<WriteOutcome> told) {
            return writes.get().tryWrite(request, session, permit, outcome -> {
                refusals.count(outcome);
                told.accept(outcome);
            });
        }
    }

    private KnownColumns known(NamespaceName namespace, CatalogAccess access) {
        return table -> {
            Optional<TableSchema> cached = schemas.findCached(namespace, table);
            if (cached.isPresent()) {
                return cached;
            }
            if (access.enter().isPresent()) {
                return Optional.empty(); // the write itself will try again, and be refused
            }
            try {
                return schemas.find(namespace, table);
            } catch (IOException e) {
                return Optional.empty(); // the write itself will ask again, and say that the catalog does not answer
            }
        };
    }

    /// The buffer of the write path in use, which a start may exchange.
    private final class CurrentSource implements QuerySource {
        @Override
        public Optional<TableScan> scan(NamespaceName namespace, TableName table) {
            return pipeline.get().buffer().scan(namespace, table);
        }

        @Override
        public List<TableSchema> tables() {
            return pipeline.get().buffer().tables();
        }
    }

    private final class PersistNews implements PersistListener {
        private final FatalListener onFenced;

        PersistNews(FatalListener onFenced) {
            this.onFenced = onFenced;
        }

        @Override
        public void saturated(boolean isSaturated) {
            if (isSaturated) {
                state.set(Reason.PERSIST_SATURATED);
            } else {
                state.clear(Reason.PERSIST_SATURATED);
            }
        }

        @Override
        public void fenced(StaleEpochException cause) {
            state.set(Reason.FENCED);
            onFenced.fatal(IngesterServer.EXIT_FENCED, String.valueOf(cause.getMessage()));
        }
    }
}
