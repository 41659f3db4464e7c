package io.sluice.ingester;

import io.sluice.ingester.admission.IngestState;
import io.sluice.ingester.door.WriteOutcome.Reason;
import io.sluice.query.InvalidQueryException;
import io.sluice.query.QueryExec;
import io.sluice.query.QueryRefusedException;
import io.sluice.query.QueryRequest;
import io.sluice.query.QueryStream;
import io.sluice.query.TableNotFoundException;
import org.apache.arrow.vector.types.pojo.Schema;

/// Refuses queries while the log is replayed: what they would see then is not all that was acknowledged.
final class ReadyQueryExec implements QueryExec {
    private final QueryExec next;
    private final IngestState state;

    ReadyQueryExec(QueryExec next, IngestState state) {
        this.next = next;
        this.state = state;
    }

    @Override
    public QueryStream execute(QueryRequest request)
            throws InvalidQueryException, TableNotFoundException, QueryRefusedException {
        requireReady();
        return next.execute(request);
    }

    @Override
    public Schema schema(QueryRequest request)
            throws InvalidQueryException, TableNotFoundException, QueryRefusedException {
        requireReady();
        return next.schema(request);
    }

    private void requireReady() throws QueryRefusedException {
        if (state.has(Reason.NOT_READY)) {
            throw new QueryRefusedException(false, "the server is starting: the log is being replayed");
        }
    }
}
