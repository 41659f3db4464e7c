package io.sluice.ingester.settings;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.sluice.ingester.settings.SettingLayers.Reread;
import io.sluice.ingester.settings.SettingLayers.Value;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The settings of the running server, and the way to change those that are [Setting#isLive].
///
/// A part of the server that has a limit says with [#onChange] or [#follow] which settings it listens to, or with
/// [#readWhenUsed] that it asks [#current] whenever it needs them. A change is checked as a whole, by the very code
/// that checks the settings of a start and by what parts [#require]; only then the parts hear of it, each once. So
/// either all of a change is in force, or nothing of it.
///
/// Any thread may call any method. One lock, held while parts take over their new values, so that changes come to each
/// part in one order; a part must not change settings in turn.
public final class LiveSettings {
    private static final Logger LOG = LoggerFactory.getLogger(LiveSettings.class);

    /// Of one call; there are fewer settings than this.
    private static final int MAX_ASSIGNMENTS = 1_000;

    private final InstantSource clock;
    private final Counter applied;
    private final Counter refused;
    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private final List<Part> parts = new ArrayList<>();

    @GuardedBy("lock")
    private final List<Requirement> requirements = new ArrayList<>();

    @GuardedBy("lock")
    private final Map<Setting, Instant> changedAt = new EnumMap<>(Setting.class);

    private volatile ServeSettings current;

    private record Part(Set<Setting> settings, Consumer<ServeSettings> listener) {}

    /// What a part demands of settings beyond what a start checks.
    @FunctionalInterface
    public interface Requirement {
        /// Looks at settings that are about to be in force.
        ///
        /// @throws InvalidSettingException if the part cannot work with them as it was started
        void check(ServeSettings settings) throws InvalidSettingException;
    }

    /// One `KEY=VALUE` of a call.
    public record Assignment(String key, String value) {}

    /// A setting whose value, or whose value's origin, is another than before.
    ///
    /// @param from its value before, as [ServeSettings#shown] says it
    /// @param to its value after
    public record Change(Setting setting, String from, String to) {}

    /// A setting for a report.
    ///
    /// @param from where its value comes from: `default`, `option`, `FILE line 3` …
    /// @param changedAt when it was last changed while running; empty if never
    public record Shown(Setting setting, String value, String from, Optional<Instant> changedAt) {}

    /// @param started the settings of the start
    public LiveSettings(ServeSettings started, InstantSource clock, MeterRegistry metrics) {
        this.current = started;
        this.clock = clock;
        this.applied = counter("applied", metrics);
        this.refused = counter("refused", metrics);
    }

    private static Counter counter(String result, MeterRegistry metrics) {
        return Counter.builder("sluice.settings.changes")
                .description("Changes of settings that were asked for while running")
                .tag("result", result)
                .register(metrics);
    }

    /// The settings in force.
    public ServeSettings current() {
        return current;
    }

    /// A part wants to hear when one of these settings changes. It is told all settings, and must take them: what could
    /// make it refuse belongs into [#require].
    ///
    /// @param listener called by the thread that makes the change; takes no longer than a few steps
    public void onChange(Consumer<ServeSettings> listener, Setting first, Setting... others) {
        lock.lock();
        try {
            parts.add(new Part(EnumSet.of(first, others), listener));
        } finally {
            lock.unlock();
        }
    }

    /// As [#onChange]; the listener hears of the settings in force first, so that none is missed by a part that is made
    /// while the server runs.
    public void follow(Consumer<ServeSettings> listener, Setting first, Setting... others) {
        lock.lock();
        try {
            onChange(listener, first, others);
            listener.accept(current);
        } finally {
            lock.unlock();
        }
    }

    /// These settings are read with [#current] whenever they are needed.
    public void readWhenUsed(Setting first, Setting... others) {
        onChange(_ -> {}, first, others);
    }

    /// Every change must satisfy this besides.
    public void require(Requirement requirement) {
        lock.lock();
        try {
            requirements.add(requirement);
        } finally {
            lock.unlock();
        }
    }

    /// Live settings that nobody listens to, and settings that somebody listens to although they are not live: both are
    /// mistakes of the wiring.
    public Set<Setting> mismatches() {
        lock.lock();
        try {
            Set<Setting> heard = EnumSet.noneOf(Setting.class);
            parts.forEach(part -> heard.addAll(part.settings()));
            Set<Setting> mismatches = EnumSet.noneOf(Setting.class);
            for (Setting setting : Setting.values()) {
                if (setting.isLive() != heard.contains(setting)) {
                    mismatches.add(setting);
                }
            }
            return mismatches;
        } finally {
            lock.unlock();
        }
    }

    /// Changes settings because a client asks for it.
    ///
    /// @param isTrial checks only, and changes nothing
    /// @return what is, or in a trial would be, another than before; settings that have the value already
    ///     are not in it
    /// @throws InvalidSettingException if a setting is unknown, given twice or not live, or if its value
    ///     makes no sense, alone or beside the others; nothing has changed then
    public List<Change> change(List<Assignment> assignments, boolean isTrial) throws InvalidSettingException {
        lock.lock();
        try {
            Map<Setting, String> values = new EnumMap<>(Setting.class);
            for (Assignment assignment : assignments(assignments)) {
                Setting setting = live(assignment.key());
                if (values.put(setting, assignment.value()) != null) {
                    throw new InvalidSettingException("'%s' is given twice".formatted(setting.key()));
                }
            }
            values.entrySet()
                    .removeIf(entry -> current.shown(entry.getKey())
                            .equals(entry.getValue().strip()));
            ServeSettings next = current.with(current.layers().with(values));
            check(next);
            List<Change> changes = differences(next);
            if (!isTrial) {
                apply(next, changes, "sluice reconfigure");
            }
            return changes;
        } catch (InvalidSettingException e) {
            refused.increment();
            LOG.info("sluice reconfigure changes nothing: {}", e.getMessage());
            throw e;
        } finally {
            lock.unlock();
        }
    }

    private static List<Assignment> assignments(List<Assignment> asked) throws InvalidSettingException {
        if (asked.isEmpty() || asked.size() > MAX_ASSIGNMENTS) {
            throw new InvalidSettingException(
                    "%d settings: expected 1 to %d of the form KEY=VALUE".formatted(asked.size(), MAX_ASSIGNMENTS));
        }
        return asked;
    }

    private static Setting live(String key) throws InvalidSettingException {
        Setting setting = Setting.ofKey(key)
                .orElseThrow(() -> new InvalidSettingException(
                        "'%s' is no setting: sluice reconfigure lists those that can be changed".formatted(key)));
        if (!setting.isLive()) {
            throw new InvalidSettingException(
                    "'%s' cannot be changed while the server runs: a restart is needed".formatted(key));
        }
        return setting;
    }

    /// Reads the configuration file again, and changes what is another in it than when it was read last. Options and
    /// variables of the start win over it still. Says in the log what became of it.
    ///
    /// @return what is another than before; empty as well if the file cannot be used, and nothing has changed
    public List<Change> reload() {
        lock.lock();
        try {
            Optional<Path> file = current.layers().configFile();
            if (file.isEmpty()) {
                LOG.info("SIGHUP: the server was started without --config, so there is nothing to read again");
                return List.of();
            }
            return reload(file.get());
        } catch (InvalidSettingException e) {
            refused.increment();
            LOG.error("SIGHUP changes nothing: {}", e.getMessage());
            return List.of();
        } finally {
            lock.unlock();
        }
    }

    @GuardedBy("lock")
    private List<Change> reload(Path file) throws InvalidSettingException {
        Reread reread = current.layers().reread(file);
        ServeSettings next = current.with(reread.layers());
        List<Change> changes = differences(next);
        for (Change change : changes) {
            if (!change.setting().isLive()) {
                Value value = next.layers().value(change.setting());
                throw new InvalidSettingException(
                        "%s: '%s' cannot be changed while the server runs: a restart is needed"
                                .formatted(
                                        value.origin() == SettingLayers.Origin.FILE
                                                ? value.from()
                                                : file + ": a line less",
                                        change.setting().key()));
            }
        }
        check(next);
        reread.withoutEffect()
                .forEach((setting, winner) -> LOG.warn(
                        "SIGHUP: {} differs in {}, without effect: {} wins", setting.key(), file, winner.where()));
        apply(next, changes, "SIGHUP");
        LOG.info("SIGHUP: {} was read again, {} settings changed", file, changes.size());
        return changes;
    }

    @GuardedBy("lock")
    private void check(ServeSettings next) throws InvalidSettingException {
        for (Requirement requirement : requirements) {
            requirement.check(next);
        }
    }

    /// By what people see: `64MiB` and `67108864` differ, which does no harm.
    @GuardedBy("lock")
    private List<Change> differences(ServeSettings next) {
        List<Change> changes = new ArrayList<>();
        for (Setting setting : Setting.values()) {
            String from = current.shown(setting);
            String to = next.shown(setting);
            if (!from.equals(to)) {
                changes.add(new Change(setting, from, to));
            }
        }
        return changes;
    }

    @GuardedBy("lock")
    private void apply(ServeSettings next, List<Change> changes, String by) {
        ServeSettings before = current;
        Set<Setting> changed = EnumSet.noneOf(Setting.class);
        changes.forEach(change -> changed.add(change.setting()));
        List<Part> told = new ArrayList<>();
        boolean done = false;
        current = next;
        try {
            for (Part part : parts) {
                if (part.settings().stream().anyMatch(changed::contains)) {
                    told.add(part);
                    part.listener().accept(next);
                }
            }
            done = true;
        } finally {
            if (!done) {
                // A bug of a part: what was checked must be taken. All the same no half of a change stays.
                current = before;
                told.forEach(part -> part.listener().accept(before));
            }
        }
        Instant now = clock.instant().truncatedTo(ChronoUnit.MILLIS);
        for (Change change : changes) {
            changedAt.put(change.setting(), now);
            LOG.info("setting {}: {} is now {}, by {}", change.setting().key(), change.from(), change.to(), by);
        }
        applied.increment();
    }

    /// All settings, in the order of the help.
    public List<Shown> shown() {
        lock.lock();
        try {
            List<Shown> shown = new ArrayList<>();
            for (Setting setting : Setting.values()) {
                shown.add(new Shown(
                        setting,
                        current.shown(setting),
                        current.layers().value(setting).from(),
                        Optional.ofNullable(changedAt.get(setting))));
            }
            return shown;
        } finally {
            lock.unlock();
        }
    }
}
