package io.sluice.ingester.settings;

import java.nio.file.Path;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The values of all settings as text, each with where it comes from: a call to the running server wins over an option,
/// an option over a variable, a variable over the configuration file, and that over the default. Immutable.
public final class SettingLayers {
    private static final String PREFIX = "SLUICE_";
    /// Variables of the launcher, the command line and the tests.
    private static final Set<String> OTHER_VARIABLES = Set.of(
            "SLUICE_JAVA_HOME",
            "SLUICE_JAVA_OPTS",
            "SLUICE_SYSTEM_ROOT",
            "SLUICE_JDK_FOLDERS",
            "SLUICE_CONFIG",
            "SLUICE_TEST_PYTHON");

    private final Optional<Path> configFile;
    private final Map<Setting, Value> file;
    private final Map<Setting, Value> given;
    private final Map<Setting, Value> called;

    /// Where a value comes from.
    public enum Origin {
        DEFAULT,
        FILE,
        VARIABLE,
        OPTION,
        CALL
    }

    /// A value as text.
    ///
    /// @param where for errors: `option --wal-dir`, `/etc/sluice.properties line 3: 'wal-dir'`
    /// @param from for reports: `option`, `/etc/sluice.properties line 3`
    public record Value(String text, Origin origin, String where, String from) {
        static Value ofDefault(Setting setting) {
            return new Value(setting.defaultValue(), Origin.DEFAULT, "default of " + setting.option(), "default");
        }

        static Value ofLine(Path file, ConfigFile.Line line) {
            String from = "%s line %d".formatted(file, line.number());
            return new Value(line.value(), Origin.FILE, "%s: '%s'".formatted(from, line.key()), from);
        }

        static Value ofVariable(Setting setting, String text) {
            String from = "variable " + setting.variable();
            return new Value(text.strip(), Origin.VARIABLE, from, from);
        }

        static Value ofOption(Setting setting, String text) {
            return new Value(text, Origin.OPTION, "option " + setting.option(), "option");
        }

        static Value ofCall(Setting setting, String text) {
            return new Value(text.strip(), Origin.CALL, setting.key(), "sluice reconfigure");
        }

        boolean isDefault() {
            return origin == Origin.DEFAULT;
        }

        Value checked(Setting setting) throws InvalidSettingException {
            if (text.isEmpty() && !isDefault()) {
                throw new InvalidSettingException("%s is empty: expected %s".formatted(where, setting.label()));
            }
            return this;
        }
    }

    /// What became of reading the configuration file again.
    ///
    /// @param layers as they are now
    /// @param withoutEffect what differs in the file, and what wins over it
    record Reread(SettingLayers layers, Map<Setting, Value> withoutEffect) {}

    private SettingLayers(
            Optional<Path> configFile,
            Map<Setting, Value> file,
            Map<Setting, Value> given,
            Map<Setting, Value> called) {
        this.configFile = configFile;
        this.file = file;
        this.given = given;
        this.called = called;
    }

    /// Gathers the values.
    ///
    /// @param options as given on the command line
    /// @param environment all variables; one that begins with `SLUICE_` and nobody knows is an error
    /// @param configFile the configuration file, if there is one
    public static SettingLayers gather(
            Map<Setting, String> options, Map<String, String> environment, Optional<Path> configFile)
            throws InvalidSettingException {
        Map<Setting, Value> file = configFile.isPresent() ? readFile(configFile.get()) : Map.of();
        for (String variable : environment.keySet()) {
            if (variable.startsWith(PREFIX)
                    && !OTHER_VARIABLES.contains(variable)
                    && Setting.ofVariable(variable).isEmpty()) {
                throw new InvalidSettingException(
                        "variable %s is no setting: see sluice serve --help".formatted(variable));
            }
        }
        Map<Setting, Value> given = new EnumMap<>(Setting.class);
        for (Setting setting : Setting.values()) {
            String variable = environment.get(setting.variable());
            if (variable != null) {
                given.put(setting, Value.ofVariable(setting, variable));
            }
        }
        options.forEach((setting, text) -> given.put(setting, Value.ofOption(setting, text)));
        SettingLayers layers = new SettingLayers(configFile, file, given, Map.of());
        for (Setting setting : Setting.values()) {
            layers.value(setting).checked(setting);
        }
        return layers;
    }

    private static Map<Setting, Value> readFile(Path file) throws InvalidSettingException {
        Map<Setting, Value> values = new EnumMap<>(Setting.class);
        Map<Setting, Integer> lineNumbers = new EnumMap<>(Setting.class);
        for (ConfigFile.Line line : ConfigFile.read(file)) {
            Setting setting = Setting.ofKey(line.key())
                    .orElseThrow(
                            () -> new InvalidSettingException("%s line %d: '%s' is no setting: see sluice serve --help"
                                    .formatted(file, line.number(), line.key())));
            Integer before = lineNumbers.put(setting, line.number());
            if (before != null) {
                throw new InvalidSettingException("%s line %d: '%s' is set in line %d already"
                        .formatted(file, line.number(), line.key(), before));
            }
            values.put(setting, Value.ofLine(file, line));
        }
        return values;
    }

    /// The value in force.
    public Value value(Setting setting) {
        for (Map<Setting, Value> layer : List.of(called, given, file)) {
            Value value = layer.get(setting);
            if (value != null) {
                return value;
            }
        }
        return Value.ofDefault(setting);
    }

    /// The configuration file, if there is one.
    public Optional<Path> configFile() {
        return configFile;
    }

    /// The same with values that a call has given.
    SettingLayers with(Map<Setting, String> values) throws InvalidSettingException {
        Map<Setting, Value> then = new EnumMap<>(Setting.class);
        then.putAll(called);
        for (Map.Entry<Setting, String> entry : values.entrySet()) {
            Setting setting = entry.getKey();
            then.put(setting, Value.ofCall(setting, entry.getValue()).checked(setting));
        }
        return new SettingLayers(configFile, file, given, then);
    }

    /// The same with the configuration file as it is now. What differs from what it said before is newer than what
    /// calls have given, and takes its place; what does not differ changes nothing.
    Reread reread(Path configFile) throws InvalidSettingException {
        Map<Setting, Value> fileNow = readFile(configFile);
        Map<Setting, Value> calledThen = new EnumMap<>(Setting.class);
        calledThen.putAll(called);
        Map<Setting, Value> withoutEffect = new LinkedHashMap<>();
        for (Setting setting : differences(fileNow)) {
            Value winner = given.get(setting);
            if (winner == null) {
                calledThen.remove(setting);
            } else {
                withoutEffect.put(setting, winner);
            }
        }
        SettingLayers layers = new SettingLayers(Optional.of(configFile), fileNow, given, calledThen);
        for (Setting setting : Setting.values()) {
            layers.value(setting).checked(setting);
        }
        return new Reread(layers, withoutEffect);
    }

    private Set<Setting> differences(Map<Setting, Value> fileNow) {
        Set<Setting> different = EnumSet.noneOf(Setting.class);
        for (Setting setting : Setting.values()) {
            if (!textIn(file, setting).equals(textIn(fileNow, setting))) {
                different.add(setting);
            }
        }
        return different;
    }

    private static Optional<String> textIn(Map<Setting, Value> layer, Setting setting) {
        return Optional.ofNullable(layer.get(setting)).map(Value::text);
    }
}
