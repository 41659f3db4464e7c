package io.sluice.ingester.cli;

import io.sluice.ingester.settings.SettingValues;
import io.sluice.proto.v1.Predicate;
import io.sluice.proto.v1.QueryRequest;
import io.sluice.proto.v1.TimeRange;
import io.sluice.query.flight.FlightQueryClient;
import io.sluice.query.flight.QueryFailedException;
import io.sluice.query.flight.RowFormatter;
import java.io.BufferedOutputStream;
import java.io.BufferedWriter;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.InstantSource;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `sluice query`.
@Command(
        name = "query",
        description = {
            "Prints the rows of a table that are not in files yet.",
            "A time T is RFC 3339 (2026-11-21T00:00:00Z), nanoseconds since the epoch, or relative to now (-1h)."
        },
        mixinStandardHelpOptions = true,
        footerHeading = "%nExamples:%n",
        footer = {
            "  sluice query --namespace metrics cpu",
            "  sluice query --namespace metrics cpu --columns time,host,usage_user --from -1h --where host=a --where host=b",
            "  sluice query --namespace metrics cpu --where 'host=~^web-' --where region!=eu --order time --limit 10",
            "  sluice query --namespace metrics cpu --merge --format arrow > cpu.arrows",
        })
final class QueryCommand implements Callable<Integer> {
    /// How rows are printed.
    enum Format {
        TABLE,
        CSV,
        JSON,
        ARROW
    }

    /// How the rows of a partition follow one another.
    enum Order {
        TIME
    }

    /// The tag ends at the first operator.
    private static final Pattern CONDITION =
            Pattern.compile("(?<tag>.+?)(?<operator>=~|!~|!=|=)(?<value>.*)", Pattern.DOTALL);

    @Mixin
    private ServerOption server = new ServerOption();

    @Option(names = "--namespace", paramLabel = "N", required = true, description = "Namespace of the table")
    private String namespace = "";

    @Parameters(paramLabel = "TABLE", description = "The table")
    private String table = "";

    @Option(names = "--columns", paramLabel = "A,B", split = ",", description = "Only these, in this order")
    private List<String> columns = List.of();

    @Option(names = "--from", paramLabel = "T", description = "First time, inclusive")
    private String from = "";

    @Option(names = "--to", paramLabel = "T", description = "Last time, exclusive")
    private String to = "";

    @Option(
            names = "--where",
            paramLabel = "CONDITION",
            description = {
                "Only rows that fulfil it; given several times, all of them. One of:",
                "TAG=VALUE   the tag has the value; of one tag given several times, one of the values",
                "TAG!=VALUE  it has another one, or none",
                "TAG=~RE     the RE2 expression is found in its value; ^ and $$ tie it to the ends",
                "TAG!~RE     it is not, or there is no value"
            })
    private List<String> where = List.of();

    @Option(names = "--limit", paramLabel = "N", description = "At most so many rows")
    private Optional<Long> limit = Optional.empty();

    @Option(
            names = "--order",
            paramLabel = "time",
            description = "Rows of a partition by time, instead of as they were written")
    private Optional<Order> order = Optional.empty();

    @Option(
            names = "--merge",
            description = "One row for each key (all tags, and the time): in each column the last value written")
    private boolean merge;

    @Option(
            names = "--format",
            paramLabel = "table|csv|json|arrow",
            defaultValue = "table",
            description = "How to print rows (default: ${DEFAULT-VALUE}); arrow is an Arrow IPC stream")
    private Format format = Format.TABLE;

    @Override
    public Integer call() throws IOException {
        QueryRequest request = request();
        InetSocketAddress address = server.address();
        try (FlightQueryClient client = FlightQueryClient.open(address.getHostString(), address.getPort());
                OutputStream out = new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 1 << 16)) {
            if (format == Format.ARROW) {
                client.writeArrow(request, out);
                return ExitCodes.OK;
            }
            try (Writer text = new BufferedWriter(new OutputStreamWriter(out, StandardCharsets.UTF_8))) {
                RowFormatter formatter = switch (format) {
                    case CSV -> RowFormatter.csv(text);
                    case JSON -> RowFormatter.json(text);
                    case TABLE, ARROW -> RowFormatter.table(text);
                };
                client.query(request, formatter);
                formatter.finish();
            }
            return ExitCodes.OK;
        } catch (QueryFailedException e) {
            throw e.isUnavailable()
                    ? server.unavailable(e, String.valueOf(e.getMessage()))
                    : new CommandFailedException(ExitCodes.PARTIAL, String.valueOf(e.getMessage()));
        } catch (IOException e) {
            if (String.valueOf(e.getMessage()).contains("Broken pipe")) {
                return ExitCodes.OK; // whoever reads has had enough
            }
            throw e;
        }
    }

    private QueryRequest request() {
        TimeRange.Builder range = TimeRange.newBuilder();
        if (!from.isEmpty()) {
            range.setStartNs(nanos("--from", from, Clock.systemUTC()));
        }
        if (!to.isEmpty()) {
            range.setEndNs(nanos("--to", to, Clock.systemUTC()));
        }
        QueryRequest.Builder request = QueryRequest.newBuilder()
                .setNamespace(namespace)
                .setTable(table)
                .addAllColumns(columns)
                .setTimeRange(range)
                .addAllPredicates(predicates(where))
                .setMerge(merge);
        order.ifPresent(by -> request.setOrder(
                switch (by) {
                    case TIME -> "time";
                }));
        limit.ifPresent(rows -> request.setLimit(checkLimit(rows)));
        return request.build();
    }

    private static long checkLimit(long rows) {
        if (rows < 1) {
            throw new CommandFailedException(ExitCodes.USAGE, "--limit is %d: expected at least 1".formatted(rows));
        }
        return rows;
    }

    /// What the conditions say: those of one tag and `=` together are one predicate.
    static List<Predicate> predicates(List<String> where) {
        List<Predicate.Builder> predicates = new ArrayList<>();
        Map<String, Predicate.Builder> oneOf = new LinkedHashMap<>();
        for (String condition : where) {
            Matcher parts = CONDITION.matcher(condition);
            if (!parts.matches()) {
                throw new CommandFailedException(
                        ExitCodes.USAGE,
                        "--where is '%s': expected TAG=VALUE, TAG!=VALUE, TAG=~RE or TAG!~RE".formatted(condition));
            }
            String tag = parts.group("tag");
            String value = parts.group("value");
            switch (parts.group("operator")) {
                case "=" ->
                    oneOf.computeIfAbsent(tag, name -> add(predicates, name)).addIn(value);
                case "!=" -> add(predicates, tag).setNotEquals(value);
                case "=~" -> add(predicates, tag).setMatches(value);
                default -> add(predicates, tag).setNotMatches(value);
            }
        }
        return predicates.stream().map(Predicate.Builder::build).toList();
    }

    private static Predicate.Builder add(List<Predicate.Builder> predicates, String tag) {
        Predicate.Builder predicate = Predicate.newBuilder().setColumn(tag);
        predicates.add(predicate);
        return predicate;
    }

    /// Nanoseconds since the epoch of what an option says.
    static long nanos(String option, String text, InstantSource clock) {
        try {
            if (text.matches("-?\\d+")) {
                return Long.parseLong(text);
            }
            Instant instant = text.startsWith("-")
                    ? clock.instant().minus(SettingValues.parseDuration(text.substring(1)))
                    : OffsetDateTime.parse(text).toInstant();
            return Math.addExact(Math.multiplyExact(instant.getEpochSecond(), 1_000_000_000L), instant.getNano());
        } catch (DateTimeException | ArithmeticException | IllegalArgumentException e) {
            throw new CommandFailedException(
                    ExitCodes.USAGE,
                    "%s is '%s': expected RFC 3339, nanoseconds since the epoch, or a time before now such as -1h"
                            .formatted(option, text));
        }
    }
}
