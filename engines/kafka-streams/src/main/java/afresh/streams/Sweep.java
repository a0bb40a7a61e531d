package afresh.streams;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/** Walks over a store, a portion at a time, and hands on the keys of what is to be forgotten. */
final class Sweep {
    private static final int PORTION = 2_000;

    private final KeyValueStore<Bytes, byte[]> store;
    private final Consumer<Bytes> forget;
    private Bytes from;

    /** The values of the store begin with the moment until which they are to be kept. */
    Sweep(KeyValueStore<Bytes, byte[]> store, Consumer<Bytes> forget) {
        this.store = store;
        this.forget = forget;
    }

    /** Forget what was to be kept until `moment` at most, in the next portion of the store. */
    void step(long moment) {
        List<Bytes> dead = new ArrayList<>();
        int seen = 0;
        Bytes next = null;
        try (KeyValueIterator<Bytes, byte[]> rows = store.range(from, null)) {
            while (rows.hasNext() && next == null) {
                KeyValue<Bytes, byte[]> row = rows.next();
                if (seen++ == PORTION) {
                    next = row.key;
                } else if (ByteBuffer.wrap(row.value).getLong() <= moment) {
                    dead.add(row.key);
                }
            }
        }
        from = next;
        dead.forEach(forget);
    }
}
