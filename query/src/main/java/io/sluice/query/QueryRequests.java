package io.sluice.query;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import io.sluice.model.ColumnName;
import io.sluice.model.NamespaceName;
import io.sluice.model.TableName;
import io.sluice.proto.v1.Predicate;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;

/// Reads a Flight ticket or command: a `sluice.v1.QueryRequest`, as protobuf or as its JSON.
public final class QueryRequests {
    static final int MAX_BYTES = 1 << 20;
    static final int MAX_COLUMNS = 1_000;
    static final int MAX_PREDICATES = 64;
    static final int MAX_VALUES = 10_000;

    /// How the commands of Flight SQL begin, each a `google.protobuf.Any`. Read as a request, this is its namespace.
    private static final String FLIGHT_SQL = "type.googleapis.com/arrow.flight.protocol.sql.";

    private static final String EXPECTED =
            "expected a sluice.v1.QueryRequest, as protobuf or as JSON such as {\"namespace\":\"n\",\"table\":\"t\"}";

    private QueryRequests() {}

    /// Reads a request.
    ///
    /// @param bytes JSON if the first character is `{`, else protobuf
    /// @throws InvalidQueryException if it is neither, has a field that is not known, or asks for what
    ///     makes no sense
    public static QueryRequest parse(byte[] bytes) throws InvalidQueryException {
        if (bytes.length > MAX_BYTES) {
            throw new InvalidQueryException(
                    "query of %d bytes: expected at most %d".formatted(bytes.length, MAX_BYTES));
        }
        return check(read(bytes));
    }

    /// The same request, whose answer has the schema that is told without a look at the rows.
    ///
    /// @throws InvalidQueryException as [#parse]
    public static byte[] withDictionaries(byte[] bytes) throws InvalidQueryException {
        return read(bytes).toBuilder().setDictionaries(true).build().toByteArray();
    }

    private static io.sluice.proto.v1.QueryRequest read(byte[] bytes) throws InvalidQueryException {
        return isJson(bytes) ? json(bytes) : protobuf(bytes);
    }

    private static boolean isJson(byte[] bytes) {
        int first = 0;
        while (first < bytes.length && Character.isWhitespace(bytes[first])) {
            first++;
        }
        return first < bytes.length && bytes[first] == '{';
    }

    private static io.sluice.proto.v1.QueryRequest json(byte[] bytes) throws InvalidQueryException {
        io.sluice.proto.v1.QueryRequest.Builder builder = io.sluice.proto.v1.QueryRequest.newBuilder();
        try {
            String text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
            JsonFormat.parser().merge(text, builder);
        } catch (CharacterCodingException e) {
            throw new InvalidQueryException("query is not valid UTF-8");
        } catch (InvalidProtocolBufferException | RuntimeException e) {
            // What a parser adds on lines of their own are links to its manual.
            String firstLine =
                    String.valueOf(e.getMessage()).lines().findFirst().orElse("");
            throw new InvalidQueryException("query is not the JSON of a sluice.v1.QueryRequest: " + firstLine);
        }
        return builder.build();
    }

    private static io.sluice.proto.v1.QueryRequest protobuf(byte[] bytes) throws InvalidQueryException {
        io.sluice.proto.v1.QueryRequest request;
        try {
            request = io.sluice.proto.v1.QueryRequest.parseFrom(bytes);
        } catch (InvalidProtocolBufferException e) {
            throw new InvalidQueryException(
                    "query is neither JSON nor protobuf (%s): %s".formatted(e.getMessage(), EXPECTED));
        }
        if (request.getNamespace().startsWith(FLIGHT_SQL)) {
            throw new InvalidQueryException("query is Flight SQL's %s, and SQL is not spoken here: %s"
                    .formatted(request.getNamespace().substring(FLIGHT_SQL.length()), EXPECTED));
        }
        requireKnownFields("query", request);
        requireKnownFields("time_range", request.getTimeRange());
        for (Predicate predicate : request.getPredicatesList()) {
            requireKnownFields("predicates", predicate);
        }
        return request;
    }

    private static void requireKnownFields(String where, Message message) throws InvalidQueryException {
        if (!message.getUnknownFields().asMap().isEmpty()) {
            throw new InvalidQueryException("%s has fields that are not known: numbers %s"
                    .formatted(where, message.getUnknownFields().asMap().keySet()));
        }
    }

    private static QueryRequest check(io.sluice.proto.v1.QueryRequest request) throws InvalidQueryException {
        requireAtMost("columns", request.getColumnsCount(), MAX_COLUMNS);
        requireAtMost("predicates", request.getPredicatesCount(), MAX_PREDICATES);
        try {
            List<ColumnName> columns = new ArrayList<>();
            for (String column : request.getColumnsList()) {
                columns.add(new ColumnName(column));
            }
            List<TagPredicate> predicates = new ArrayList<>();
            for (Predicate predicate : request.getPredicatesList()) {
                predicates.add(predicate(predicate));
            }
            return new QueryRequest(
                    new NamespaceName(request.getNamespace()),
                    new TableName(request.getTable()),
                    columns,
                    request.getTimeRange().hasStartNs() ? request.getTimeRange().getStartNs() : Long.MIN_VALUE,
                    request.getTimeRange().hasEndNs() ? request.getTimeRange().getEndNs() : Long.MAX_VALUE,
                    predicates,
                    request.hasLimit() ? OptionalLong.of(request.getLimit()) : OptionalLong.empty(),
                    order(request.getOrder()),
                    request.getMerge(),
                    request.getDictionaries());
        } catch (IllegalArgumentException e) {
            throw new InvalidQueryException(String.valueOf(e.getMessage()));
        }
    }

    private static QueryRequest.Order order(String order) {
        return switch (order) {
            case "" -> QueryRequest.Order.NATURAL;
            case "time" -> QueryRequest.Order.TIME;
            default -> throw new IllegalArgumentException("order is '%s': expected 'time' or none".formatted(order));
        };
    }

    private static TagPredicate predicate(Predicate predicate) throws InvalidQueryException {
        ColumnName column = new ColumnName(predicate.getColumn());
        String values = "values of predicate on '" + column + "'";
        requireAtMost(values, predicate.getInCount(), MAX_VALUES);
        requireAtMost(values, predicate.getNotInCount(), MAX_VALUES);
        List<TagPredicate> conditions = new ArrayList<>(1);
        if (predicate.getInCount() > 0) {
            conditions.add(new TagPredicate.OneOf(column, false, new HashSet<>(predicate.getInList())));
        }
        if (predicate.getNotInCount() > 0) {
            conditions.add(new TagPredicate.OneOf(column, true, new HashSet<>(predicate.getNotInList())));
        }
        if (predicate.hasEquals()) {
            conditions.add(new TagPredicate.OneOf(column, false, Set.of(predicate.getEquals())));
        }
        if (predicate.hasNotEquals()) {
            conditions.add(new TagPredicate.OneOf(column, true, Set.of(predicate.getNotEquals())));
        }
        if (predicate.hasMatches()) {
            conditions.add(TagPredicate.Matching.of(column, false, predicate.getMatches()));
        }
        if (predicate.hasNotMatches()) {
            conditions.add(TagPredicate.Matching.of(column, true, predicate.getNotMatches()));
        }
        if (conditions.size() != 1) {
            throw new IllegalArgumentException(
                    "predicate on '%s' has %s: expected exactly one of in, not_in, equals, not_equals, matches, not_matches"
                            .formatted(column, conditions.isEmpty() ? "no values" : conditions.size() + " conditions"));
        }
        return conditions.getFirst();
    }

    private static void requireAtMost(String what, int found, int limit) throws InvalidQueryException {
        if (found > limit) {
            throw new InvalidQueryException("%s: expected at most %d, found %d".formatted(what, limit, found));
        }
    }
}
