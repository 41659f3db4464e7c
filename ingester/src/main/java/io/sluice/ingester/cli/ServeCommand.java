package io.sluice.ingester.cli;

import io.sluice.ingester.IngesterServer;
import io.sluice.ingester.Tracing;
import io.sluice.ingester.settings.InvalidSettingException;
import io.sluice.ingester.settings.MemoryPlan;
import io.sluice.ingester.settings.ServeSettings;
import io.sluice.ingester.settings.Setting;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/// `sluice serve`. Its options are made from the table of settings, so that help, variables and the configuration
/// file say the same words.
@Command(
        name = "serve",
        description = {
            "Serves until it is told to stop (SIGTERM, Ctrl-C); told so a second time, it ends at once.",
            "Each option is also an environment variable (--wal-dir: SLUICE_WAL_DIR) and a line of --config (wal-dir=…).",
            "What is live can be changed while running: by sluice reconfigure, or in the file of --config and SIGHUP."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false,
        footerHeading = "%nExamples:%n",
        footer = {
            "  sluice serve",
            "  sluice serve --data-dir /var/lib/sluice --http-bind 0.0.0.0:8086",
            "  SLUICE_PERSIST_MAX_AGE=1m sluice serve --config sluice.properties",
        })
final class ServeCommand implements Callable<Integer> {
    /// Set by the launcher: the memory for which it sized the JVM.
    private static final String SIZED_FOR = "sluice.memory";

    /// How many virtual threads run at once; the JDK's default is the number of processors.
    private static final String CARRIERS = "jdk.virtualThreadScheduler.parallelism";

    private static final Logger LOG = LoggerFactory.getLogger(ServeCommand.class);

    /// What asks for a stop.
    private enum Signal {
        INT(2),
        TERM(15);

        private final int number;

        Signal(int number) {
            this.number = number;
        }
    }

    private CommandSpec spec = CommandSpec.create();

    private ServeCommand() {}

    static CommandSpec create() {
        ServeCommand command = new ServeCommand();
        command.spec = CommandSpec.forAnnotatedObject(command);
        command.spec.addOption(OptionSpec.builder("--config")
                .paramLabel("FILE")
                .type(Path.class)
                .description("Properties file with any of the settings below")
                .build());
        for (Setting setting : Setting.values()) {
            OptionSpec.Builder option = OptionSpec.builder(setting.option())
                    .paramLabel(setting.label())
                    .type(String.class)
                    .description(describe(setting).replace("%", "%%"));
            command.spec.addOption(option.build());
        }
        return command.spec;
    }

    private static String describe(Setting setting) {
        List<String> notes = new ArrayList<>();
        if (!setting.defaultValue().isEmpty()) {
            notes.add("default: " + setting.defaultValue());
        }
        if (setting.isLive()) {
            notes.add("live");
        }
        return notes.isEmpty()
                ? setting.description()
                : "%s (%s)".formatted(setting.description(), String.join("; ", notes));
    }

    /// Lets the system share processors out between short bodies that are parsed or messages that are
    /// decoded, of which there may be as many at once as there are processors, and all other virtual
    /// threads: bodies that arrive and queries do not wait for those. Before the first virtual thread; a
    /// property of the command line stays as it is.
    private static void widenScheduler() {
        if (System.getProperty(CARRIERS) == null) {
            System.setProperty(
                    CARRIERS, Integer.toString(2 * Runtime.getRuntime().availableProcessors()));
        }
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        ServeSettings settings;
        Tracing tracing;
        try {
            settings = ServeSettings.resolve(options(), System.getenv(), config(), machineMemoryBytes());
            checkJvm(settings.memory());
            tracing = Tracing.open(System.getenv());
        } catch (InvalidSettingException e) {
            throw new CommandFailedException(ExitCodes.USAGE, String.valueOf(e.getMessage()));
        }
        System.setProperty("sluice.log.level", settings.logLevel());
        widenScheduler();
        Hangup hangup = new Hangup();
        hangup.install();
        AtomicReference<Optional<IngesterServer>> running = new AtomicReference<>(Optional.empty());
        CountDownLatch stopped = new CountDownLatch(1);
        Thread hook = new Thread(() -> stop(running.get(), stopped), "stop");
        // Before the start: that may take long, and a stop meanwhile is one like any other.
        Runtime.getRuntime().addShutdownHook(hook);
        boolean started = false;
        try {
            running.set(Optional.of(start(settings, tracing, hangup)));
            started = true;
        } finally {
            if (!started) {
                removeHook(hook);
            }
        }
        stopped.await();
        return ExitCodes.OK;
    }

    private static IngesterServer start(ServeSettings settings, Tracing tracing, Hangup hangup)
            throws IOException, InterruptedException {
        // The launcher asks the shell: Java knows of standard input and output only.
        if (!Boolean.getBoolean("sluice.stderr.terminal")) {
            return IngesterServer.start(settings, tracing, Runtime.getRuntime()::halt, hangup::listen, _ -> {});
        }
        PrintStream terminal = System.err;
        try (ReplayBar bar = new ReplayBar(terminal)) {
            System.setErr(bar.lines());
            return IngesterServer.start(settings, tracing, Runtime.getRuntime()::halt, hangup::listen, bar);
        } finally {
            System.setErr(terminal);
        }
    }

    private static void removeHook(Thread hook) {
        try {
            var _ = Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException _) {
            // The process is being stopped already, and ends by the hook.
        }
    }

    /// The JVM's own exit code after a signal is not 0, even when all went well.
    private static void stop(Optional<IngesterServer> server, CountDownLatch stopped) {
        endAtOnceWhenToldAgain();
        int code = ExitCodes.OK;
        try {
            if (server.isPresent()) {
                server.get().stop();
            } else {
                // Nothing was acknowledged that is not in the log, where the next start finds it.
                System.err.println("sluice: stopped while starting");
            }
        } catch (IOException | InterruptedException | RuntimeException e) {
            System.err.println("sluice: the stop failed: " + e);
            code = ExitCodes.IO;
        }
        stopped.countDown();
        Runtime.getRuntime().halt(code);
    }

    /// A stop may take as long as `--shutdown-deadline` lets it; who does not want to wait for it says so again. What
    /// was acknowledged is in the log.
    private static void endAtOnceWhenToldAgain() {
        for (Signal signal : Signal.values()) {
            try {
                boolean _ = Signals.take(signal.name(), () -> {
                    System.err.printf(
                            "sluice: ends at once, SIG%s has come during the stop; rows that are in no file stay in the log%n",
                            signal);
                    Runtime.getRuntime().halt(ExitCodes.SIGNAL + signal.number);
                });
            } catch (ReflectiveOperationException | IllegalArgumentException e) {
                LOG.debug("SIG{} cannot be listened to: a second one does nothing", signal, e);
            }
        }
    }

    private Map<Setting, String> options() {
        Map<Setting, String> options = new EnumMap<>(Setting.class);
        ParseResult parsed = spec.commandLine().getParseResult();
        for (Setting setting : Setting.values()) {
            if (parsed.hasMatchedOption(setting.option())) {
                String value = parsed.matchedOptionValue(setting.option(), "");
                options.put(setting, value);
            }
        }
        return options;
    }

    private Optional<Path> config() {
        ParseResult parsed = spec.commandLine().getParseResult();
        String variable = System.getenv("SLUICE_CONFIG");
        Optional<Path> fromVariable = variable == null ? Optional.empty() : Optional.of(Path.of(variable));
        return parsed.hasMatchedOption("--config")
                ? Optional.of(parsed.matchedOptionValue("--config", Path.of("")))
                : fromVariable;
    }

    /// Whether the launcher read the same number as the server; it knows fewer ways to write it.
    private static void checkJvm(MemoryPlan memory) throws InvalidSettingException {
        Long sized = Long.getLong(SIZED_FOR);
        if (sized != null && sized != memory.memoryBytes()) {
            throw new InvalidSettingException(
                    "--memory is %d, but the JVM was sized for %d: expected it as an option, as SLUICE_MEMORY, or in the file of --config on one line, as in memory=8GiB"
                            .formatted(memory.memoryBytes(), sized));
        }
    }

    /// The container's limit if there is one.
    private static long machineMemoryBytes() {
        Long sized = Long.getLong(SIZED_FOR);
        if (sized != null) {
            return 2 * sized; // the launcher's own default is half of what there is
        }
        return ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean system
                ? system.getTotalMemorySize()
                : Runtime.getRuntime().maxMemory();
    }
}
