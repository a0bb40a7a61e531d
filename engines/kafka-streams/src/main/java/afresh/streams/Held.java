package afresh.streams;

import java.nio.ByteBuffer;
import java.util.Arrays;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * The n greatest entries of a list, by the order of their bytes, each a row of a store. The head of a
 * list (until, how many, the least entry) spares reading it.
 */
final class Held {
    private static final byte[] NOTHING = {};
    private static final byte[] HELD = {1};
    private static final byte[] LAST = new byte[Long.BYTES + 1];

    static {
        Arrays.fill(LAST, (byte) 0xFF);
    }

    private final KeyValueStore<Bytes, byte[]> heads;
    private final KeyValueStore<Bytes, byte[]> entries;

    Held(KeyValueStore<Bytes, byte[]> heads, KeyValueStore<Bytes, byte[]> entries) {
        this.heads = heads;
        this.entries = entries;
    }

    /**
     * Put an entry in. Returns null where it is not news (it is there, or n greater ones are), else
     * the entry that it drove out, empty if none. until: by which moment the list is forgotten.
     */
    byte[] add(byte[] list, byte[] entry, int n, long until) {
        Bytes at = Bytes.wrap(list);
        byte[] said = heads.get(at);
        if (said == null) {
            entries.put(Keys.joined(list, entry), HELD);
            heads.put(at, head(until, 1, entry));
            return NOTHING;
        }
        ByteBuffer head = ByteBuffer.wrap(said);
        long later = Math.max(until, head.getLong());
        int count = head.getInt();
        byte[] least = Arrays.copyOfRange(said, head.position(), said.length);
        boolean below = Arrays.compareUnsigned(entry, least) < 0;
        if ((below && count >= n) || entries.get(Keys.joined(list, entry)) != null) {
            return null;
        }
        entries.put(Keys.joined(list, entry), HELD);
        if (count < n) {
            heads.put(at, head(later, count + 1, below ? entry : least));
            return NOTHING;
        }
        entries.delete(Keys.joined(list, least));
        heads.put(at, head(later, count, leastAfter(list, least)));
        return least;
    }

    /** Forget a whole list. */
    void forget(byte[] list) {
        byte[] said = heads.delete(Bytes.wrap(list));
        byte[] least = Arrays.copyOfRange(said, Long.BYTES + Integer.BYTES, said.length);
        try (KeyValueIterator<Bytes, byte[]> rows = from(list, least)) {
            while (rows.hasNext()) {
                entries.delete(rows.next().key);
            }
        }
    }

    /** From what was the least on, so that none of the deleted rows before it are passed. */
    private byte[] leastAfter(byte[] list, byte[] least) {
        try (KeyValueIterator<Bytes, byte[]> rows = from(list, least)) {
            KeyValue<Bytes, byte[]> first = rows.next();
            return Arrays.copyOfRange(first.key.get(), list.length, first.key.get().length);
        }
    }

    private KeyValueIterator<Bytes, byte[]> from(byte[] list, byte[] entry) {
        return entries.range(Keys.joined(list, entry), Keys.joined(list, LAST));
    }

    private static byte[] head(long until, int count, byte[] least) {
        return ByteBuffer.allocate(Long.BYTES + Integer.BYTES + least.length)
                .putLong(until).putInt(count).put(least).array();
    }
}
