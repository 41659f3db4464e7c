package io.sluice.ingester;

import io.sluice.ingester.buffer.BufferTree;
import io.sluice.ingester.replay.WalReplayer;
import io.sluice.ingester.rotation.PersistTriggers;
import io.sluice.ingester.sink.StableWatermark;
import io.sluice.ingester.sink.WalSink;
import io.sluice.ingester.write.WritePath;
import io.sluice.model.IngesterId;

/// The parts of the write path that belong to one ingester id: its numbers, its rows, its mark.
record WritePipeline(
        IngesterId ingester,
        StableWatermark stable,
        BufferTree buffer,
        WalSink sink,
        WritePath writes,
        WalReplayer replayer,
        PersistTriggers triggers) {}
