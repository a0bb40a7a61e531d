package afresh.streams;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.common.utils.Utils;

/** Prints each case of vectors.json that the runner's own parts see otherwise, and how many it saw. */
public final class Language {
    private static int seen;

    private Language() {}

    public static void main(String[] given) throws Exception {
        JsonNode vectors = new ObjectMapper().readTree(new File(given[0]));
        for (JsonNode one : vectors.get("tiles")) {
            long tile = Math.floorDiv(one.get("timestamp").asLong(), one.get("width").asLong());
            same(one, one.get("tile").asLong() == tile);
        }
        List<Bytes> names = new ArrayList<>();
        vectors.get("byte_order").forEach(one -> names.add(Keys.joined(
                Keys.texts(0, one.asText()).array(), new byte[0])));
        for (int at = 1; at < names.size(); at++) {
            same(vectors.get("byte_order").get(at), names.get(at - 1).compareTo(names.get(at)) < 0);
        }
        for (JsonNode one : vectors.get("value_hashes")) {
            String hash = Long.toUnsignedString(Keys.digest(one.get("text").asText()));
            same(one, one.get("hash").asText().equals(hash));
        }
        for (JsonNode one : vectors.get("squares")) {
            Atom atom = Atom.empty(0).plus(one.get("value").asLong(), null, 0);
            same(one, atom.sqLow() == one.get("low").asLong()
                    && atom.sqHigh() == one.get("high").asLong());
        }
        for (JsonNode one : vectors.get("partitions")) {
            int hash = Utils.murmur2(Keys.utf8(one.get("key").asText()));
            int partition = Utils.toPositive(hash) % one.get("partitions").asInt();
            same(one, hash == one.get("murmur2").asInt()
                    && partition == one.get("partition").asInt());
        }
        System.out.println("seen " + seen);
    }

    private static void same(JsonNode one, boolean holds) {
        seen++;
        if (!holds) {
            System.out.println("otherwise: " + one);
        }
    }
}
