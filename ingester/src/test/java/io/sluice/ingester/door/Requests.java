package io.sluice.ingester.door;

import com.google.protobuf.ByteString;
import io.sluice.proto.v1.Column;
import io.sluice.proto.v1.Dictionary;
import io.sluice.proto.v1.Float64s;
import io.sluice.proto.v1.Int64s;
import io.sluice.proto.v1.Strings;
import io.sluice.proto.v1.TableBatch;
import io.sluice.proto.v1.UInt64s;
import io.sluice.proto.v1.WriteRequest;
import java.nio.charset.StandardCharsets;
import java.util.List;

/// Valid requests, made with the generated classes: what a client in any language sends.
final class Requests {
    private Requests() {}

    /// Three rows of table `cpu` in namespace `metrics` with a column of each kind and type, some with nulls.
    static WriteRequest.Builder valid() {
        return WriteRequest.newBuilder().setNamespace("metrics").addTables(cpu());
    }

    static TableBatch.Builder cpu() {
        return TableBatch.newBuilder()
                .setTable("cpu")
                .setRowCount(3)
                .addColumns(time(1, 2, 3))
                .addColumns(host())
                .addColumns(field("i").setI64(Int64s.newBuilder().addAllValues(List.of(-1L, 0L, Long.MAX_VALUE))))
                .addColumns(field("u").setU64(UInt64s.newBuilder().addAllValues(List.of(-1L, 0L, 1L))))
                .addColumns(field("f")
                        .setValidity(bytes(0b110))
                        .setF64(Float64s.newBuilder().addAllValues(List.of(0.5, -0.0, Double.MAX_VALUE))))
                .addColumns(field("b").setValidity(bytes(0b011)).setBools(bytes(0b101)))
                .addColumns(strings());
    }

    static Column.Builder time(long... timestampsNs) {
        var values = Int64s.newBuilder();
        for (long timestampNs : timestampsNs) {
            values.addValues(timestampNs);
        }
        return Column.newBuilder().setName("time").setKind(Column.Kind.TIME).setI64(values);
    }

    /// Two values for three rows; the row in the middle is null, and its code means nothing.
    static Column.Builder host() {
        return Column.newBuilder()
                .setName("host")
                .setKind(Column.Kind.TAG)
                .setValidity(bytes(0b101))
                .setDictionary(
                        Dictionary.newBuilder().addValues("a").addValues("ü").addAllCodes(List.of(1, 99, 0)));
    }

    static Column.Builder strings() {
        return field("s")
                .setStrings(Strings.newBuilder()
                        .setData(ByteString.copyFrom("xyü", StandardCharsets.UTF_8))
                        .addAllOffsets(List.of(0, 2, 2, 4)));
    }

    static Column.Builder field(String name) {
        return Column.newBuilder().setName(name).setKind(Column.Kind.FIELD);
    }

    static ByteString bytes(int... bytes) {
        var array = new byte[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            array[i] = (byte) bytes[i];
        }
        return ByteString.copyFrom(array);
    }
}
