package io.sluice.ingester.door;

import io.sluice.model.NamespaceName;
import io.sluice.model.TableName;
import io.sluice.proto.v1.TableBatch;
import io.sluice.proto.v1.WriteRequest;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The names in a `sluice.v1.WriteRequest`, found without reading its columns: what this costs grows with the number of
/// tables, not with their rows. It knows only the form in which encoders write (the namespace first, and the name first
/// in each table), and says nothing of another; what it says of a request that is none means nothing.
///
/// @param tables in the order of the request; at least one
public record RequestNames(NamespaceName namespace, List<TableName> tables) {
    private static final int LENGTH_DELIMITED = 2;

    public RequestNames {
        tables = List.copyOf(tables);
    }

    /// Looks for the names; empty if they do not stand where encoders write them. Any thread may call.
    public static Optional<RequestNames> peek(byte[] request) {
        try {
            return new Peek(request).names();
        } catch (IllegalArgumentException e) {
            return Optional.empty(); // no name
        }
    }

    private static final class Peek {
        private final byte[] request;
        private int position;

        Peek(byte[] request) {
            this.request = request;
        }

        Optional<RequestNames> names() {
            int namespaceBytes = enter(WriteRequest.NAMESPACE_FIELD_NUMBER, request.length);
            if (namespaceBytes < 1) {
                return Optional.empty();
            }
            NamespaceName namespace = new NamespaceName(text(namespaceBytes));
            List<TableName> tables = new ArrayList<>(1);
            while (position < request.length) {
                int tableBytes = enter(WriteRequest.TABLES_FIELD_NUMBER, request.length);
                if (tableBytes < 1 || tables.size() == WriteDecoder.MAX_TABLES) {
                    return Optional.empty();
                }
                int end = position + tableBytes;
                int nameBytes = enter(TableBatch.TABLE_FIELD_NUMBER, end);
                if (nameBytes < 1) {
                    return Optional.empty();
                }
                tables.add(new TableName(text(nameBytes)));
                position = end;
            }
            return tables.isEmpty() ? Optional.empty() : Optional.of(new RequestNames(namespace, tables));
        }

        private String text(int lengthBytes) {
            if (!Utf8.isValid(request, position, position + lengthBytes)) {
                throw new IllegalArgumentException("a name is not UTF-8");
            }
            position += lengthBytes;
            return new String(request, position - lengthBytes, lengthBytes, StandardCharsets.UTF_8);
        }

        /// Enters a length-delimited field; returns its length, which lies before `end`, or -1 if there is none.
        private int enter(int field, int end) {
            if (position >= end || request[position] != (byte) (field << 3 | LENGTH_DELIMITED)) {
                return -1;
            }
            position++;
            int value = 0;
            for (int shift = 0; shift < Integer.SIZE && position < end; shift += 7) {
                byte next = request[position++];
                value |= (next & 0x7F) << shift;
                if (next >= 0) {
                    return value <= end - position ? value : -1;
                }
            }
            return -1;
        }
    }
}
