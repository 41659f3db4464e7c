package io.sluice.persist.catalog;

import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Where a catalog's database is: `postgresql://[USER[:PASSWORD]@]HOST[:PORT][,HOST2…]/DATABASE[?NAME=VALUE&…]`, or
/// `postgres://…`. What is not in the address comes from `PGUSER` and `PGPASSWORD`, and a password that is in neither
/// from the usual file (`PGPASSFILE`, `~/.pgpass`). Parameters go to the driver (`sslmode=verify-full`);
/// `currentSchema` names the schema of our tables, `sluice` if there is none.
///
/// @param hosts with ports, as in the address
/// @param password never part of [#toString]
record PostgresAddress(
        String hosts,
        String database,
        Optional<String> user,
        Optional<String> password,
        String schema,
        Map<String, String> parameters) {
    static final String DEFAULT_SCHEMA = "sluice";

    private static final Pattern ADDRESS = Pattern.compile(
            "postgres(?:ql)?://(?:(?<user>[^:@/?]*)(?::(?<password>[^@/?]*))?@)?(?<hosts>[^@/?]+)/(?<database>[^/?]+)(?:\\?(?<parameters>.*))?");
    private static final Pattern SCHEMA = Pattern.compile("[a-z_][a-z0-9_]{0,62}");
    private static final String CURRENT_SCHEMA = "currentSchema";

    PostgresAddress {
        parameters = Map.copyOf(parameters);
    }

    static boolean isOne(String address) {
        return address.startsWith("postgresql:") || address.startsWith("postgres:");
    }

    /// Reads an address.
    ///
    /// @param environment the variables of the process
    /// @throws IllegalArgumentException saying what is wrong, without the password
    static PostgresAddress parse(String address, Function<String, Optional<String>> environment) {
        Matcher matcher = ADDRESS.matcher(address);
        if (!matcher.matches()) {
            throw new IllegalArgumentException(
                    "catalog '%s:…' is no address of a database: expected postgresql://[USER@]HOST[:PORT]/DATABASE, and the password in PGPASSWORD"
                            .formatted(address.substring(0, address.indexOf(':'))));
        }
        Map<String, String> parameters = new LinkedHashMap<>();
        for (String parameter : find(matcher, "parameters").orElse("").split("&", -1)) {
            if (!parameter.isEmpty()) {
                int equals = parameter.indexOf('=');
                if (equals < 1) {
                    throw new IllegalArgumentException(
                            "catalog: a parameter of the address is no NAME=VALUE: expected such as sslmode=verify-full");
                }
                parameters.put(decode(parameter.substring(0, equals)), decode(parameter.substring(equals + 1)));
            }
        }
        Optional<String> user = find(matcher, "user")
                .filter(name -> !name.isEmpty())
                .or(() -> Optional.ofNullable(parameters.remove("user")))
                .or(() -> environment.apply("PGUSER"));
        Optional<String> password = find(matcher, "password")
                .or(() -> Optional.ofNullable(parameters.remove("password")))
                .or(() -> environment.apply("PGPASSWORD"));
        String schema = Optional.ofNullable(parameters.remove(CURRENT_SCHEMA)).orElse(DEFAULT_SCHEMA);
        if (!SCHEMA.matcher(schema).matches()) {
            throw new IllegalArgumentException(
                    "catalog: currentSchema is '%s': expected a name of up to 63 lower-case letters, digits and underscores"
                            .formatted(schema));
        }
        parameters.remove("user");
        parameters.remove("password");
        return new PostgresAddress(
                find(matcher, "hosts").orElseThrow(),
                find(matcher, "database").orElseThrow(),
                user,
                password,
                schema,
                parameters);
    }

    private static Optional<String> find(Matcher matcher, String group) {
        return Optional.ofNullable(matcher.group(group)).map(PostgresAddress::decode);
    }

    private static String decode(String text) {
        return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
    }

    /// As the driver wants it, without user and password.
    String jdbcUrl() {
        return "jdbc:postgresql://%s/%s"
                .formatted(
                        hosts,
                        URLEncoder.encode(database, StandardCharsets.UTF_8).replace("+", "%20"));
    }

    /// Whether it names several servers, of which one takes changes.
    boolean hasSeveralHosts() {
        return hosts.indexOf(',') >= 0;
    }

    /// For people: no password, no parameter.
    @Override
    public String toString() {
        String path = "postgresql://%s/%s".formatted(hosts.toLowerCase(Locale.ROOT), database);
        return schema.equals(DEFAULT_SCHEMA) ? path : path + "?currentSchema=" + schema;
    }
}
