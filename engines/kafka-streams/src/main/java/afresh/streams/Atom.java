package afresh.streams;

import java.nio.ByteBuffer;

/**
 * How many events, the sum of a number and of its squares in two limbs, the least and the greatest,
 * and the greatest offset. until: the end of its tile, by which it is forgotten.
 */
record Atom(long until, long n, long sum, long sqLow, long sqHigh, long min, long max,
        long offset) {

    private static final int LIMB_BITS = 31;

    static Atom empty(long until) {
        return new Atom(until, 0, 0, 0, 0, Long.MAX_VALUE, Long.MIN_VALUE, -1);
    }

    /** With one more event; null: it says nothing. Numbers that are added are below 2^31. */
    Atom plus(Long added, Long value, long at) {
        long more = added == null ? 0 : added;
        long square = more * more;
        return new Atom(until, n + 1, sum + more, sqLow + (square & ((1L << LIMB_BITS) - 1)),
                sqHigh + (square >> LIMB_BITS), value == null ? min : Math.min(min, value),
                value == null ? max : Math.max(max, value), Math.max(offset, at));
    }

    /** The value of its row. summed, compared: which of its parts mean anything. */
    byte[] row(boolean summed, boolean compared) {
        return Rows.of("n", n, "sum", said(summed, sum), "sq_low", said(summed, sqLow),
                "sq_high", said(summed, sqHigh), "min", said(compared, min),
                "max", said(compared, max), "offset", offset);
    }

    private static Long said(boolean means, long part) {
        return means ? (Long) part : null;
    }

    byte[] bytes() {
        ByteBuffer to = ByteBuffer.allocate(8 * Long.BYTES).putLong(until).putLong(n).putLong(sum);
        return to.putLong(sqLow).putLong(sqHigh).putLong(min).putLong(max).putLong(offset).array();
    }

    static Atom of(byte[] bytes) {
        ByteBuffer from = ByteBuffer.wrap(bytes);
        return new Atom(from.getLong(), from.getLong(), from.getLong(), from.getLong(),
                from.getLong(), from.getLong(), from.getLong(), from.getLong());
    }
}
