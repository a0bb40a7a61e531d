package afresh.streams;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import org.apache.kafka.common.utils.Bytes;

/**
 * Keys of the stores. Texts end with a zero, which no id contains, and are UTF-8: so keys compare as
 * the bytes of what they say.
 */
final class Keys {
    private Keys() {}

    static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** Some texts, each with a zero behind it, before `room` bytes that are still free. */
    static ByteBuffer texts(int room, String... texts) {
        byte[][] said = new byte[texts.length][];
        int size = room;
        for (int at = 0; at < texts.length; at++) {
            said[at] = utf8(texts[at]);
            size += said[at].length + 1;
        }
        ByteBuffer key = ByteBuffer.allocate(size);
        for (byte[] text : said) {
            key.put(text).put((byte) 0);
        }
        return key;
    }

    static Bytes joined(byte[] first, byte[] second) {
        return Bytes.wrap(
                ByteBuffer.allocate(first.length + second.length).put(first).put(second).array());
    }

    /** The first 64 bits of the SHA-256 of a text. */
    static long digest(String text) {
        try {
            return ByteBuffer.wrap(MessageDigest.getInstance("SHA-256").digest(utf8(text)))
                    .getLong();
        } catch (NoSuchAlgorithmException never) {
            throw new IllegalStateException(never);
        }
    }

    static byte[] number(long value) {
        return ByteBuffer.allocate(Long.BYTES).putLong(value).array();
    }
}
