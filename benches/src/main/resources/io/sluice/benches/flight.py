"""Arrow Flight in C++, by pyarrow: a server that holds the table which another server has, and a client with a clock.

usage: flight.py serve PORT TICKET        takes the table of the server on that port, and serves it; prints its own port
       flight.py read PORT TICKET TIMES   reads a whole stream so often; prints "rows seconds seconds-to-first-batch"
"""
import sys
import time

import pyarrow as pa
import pyarrow.flight as flight

BATCH_ROWS = 64 * 1024


def connect(port):
    return flight.connect("grpc://127.0.0.1:" + port)


def serve(port, ticket):
    table = connect(port).do_get(flight.Ticket(ticket.encode())).read_all().unify_dictionaries().combine_chunks()
    batches = table.to_batches(max_chunksize=BATCH_ROWS)

    class Server(flight.FlightServerBase):
        def do_get(self, context, _):
            return flight.RecordBatchStream(pa.RecordBatchReader.from_batches(table.schema, batches))

    server = Server("grpc://127.0.0.1:0")
    print(server.port, flush=True)
    server.serve()


def read(port, ticket, times):
    client = connect(port)
    for _ in range(int(times)):
        start = time.perf_counter()
        rows, first = 0, 0.0
        for chunk in client.do_get(flight.Ticket(ticket.encode())):
            first = first or time.perf_counter() - start
            rows += chunk.data.num_rows
        print(rows, time.perf_counter() - start, first, flush=True)


if __name__ == "__main__":
    {"serve": serve, "read": read}[sys.argv[1]](*sys.argv[2:])
