package io.sluice.query;

import org.apache.arrow.vector.types.pojo.Schema;

/// Answers queries. Any thread may call any method.
public interface QueryExec {
    /// Begins to answer a query. The caller closes the stream.
    ///
    /// @throws InvalidQueryException if it contradicts the table's schema
    /// @throws TableNotFoundException if there is no such table
    /// @throws QueryRefusedException if it is not taken now
    QueryStream execute(QueryRequest request)
            throws InvalidQueryException, TableNotFoundException, QueryRefusedException;

    /// The schema that the stream of this query has, as it stands on the wire: a tag is a string with a dictionary.
    /// Only the stream itself tells of a tag with very many values that it is plain.
    Schema schema(QueryRequest request) throws InvalidQueryException, TableNotFoundException, QueryRefusedException;
}
