package afresh.streams;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A plan as `afresh plan --engine kafka-streams` prints it. Times and widths are in ms. A text is a
 * list of columns: what the first says that an event has.
 */
record Document(
        int format, String app, String plan, Topics topics,
        Set<String> types, Set<String> texts, Set<String> numbers,
        long numberLimit, long momentLimit, int textBytes, long stateMs, long idsMs,
        List<Column> owner, List<Column> visit, String linkType, String log, String moment,
        List<Facts> facts) {

    static final int FORMAT = 1;

    record Topics(String brokers, String application, String events, String facts) {}

    record Column(String prefix, String column) {}

    /** What splits tiles: a text, the hour of day, or a band of the first column with a number. */
    record Group(List<Column> text, Long hourOffset, List<String> columns, List<Long> edges,
            List<String> labels) {}

    /** Counts events; with `moment` it keeps timestamps, with `columns` a number. */
    record Atom(String input, Set<String> types, boolean moment, List<String> columns) {}

    record Tiles(String family, long width, Group group, List<Atom> atoms) {}

    record Kept(String list, Set<String> types, int n) {}

    record Counted(String counted, Set<String> types, long width, int k, List<Column> value) {}

    /** All that is kept of one key of events. */
    record Facts(List<Column> key, Set<String> types, List<Tiles> tiles, List<Kept> lists,
            List<Counted> distincts) {}

    /** Throws IOException for a file that is none, or one of another version. */
    static Document read(Path file) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        mapper.setPropertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE);
        Map<?, ?> said = mapper.readValue(file.toFile(), Map.class);
        if (!Integer.valueOf(FORMAT).equals(said.get("format"))) {
            throw new IOException(file + " has format " + said.get("format") + ", this runner reads "
                    + FORMAT + ": build the runner of the version that wrote the document.");
        }
        return mapper.convertValue(said, Document.class);
    }
}
