package afresh.streams;

import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Lets an event count once, where all its copies meet: in the partition of its owner. The first is
 * handed on to each of its keys; what it says of the log and of links is a row at once.
 */
final class Once implements Processor<byte[], byte[], byte[], byte[]> {
    static final String IDS = "ids";
    static final String TO_KEYS = "to-keys";
    static final String TO_FACTS = "to-facts";

    private final Document document;
    private final EventReader reader;
    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<Bytes, byte[]> ids;
    private long arrived;

    Once(Document document) {
        this.document = document;
        this.reader = new EventReader(document);
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> given) {
        context = given;
        ids = given.getStateStore(IDS);
        Sweep sweep = new Sweep(ids, ids::delete);
        given.schedule(Duration.ofSeconds(1), PunctuationType.WALL_CLOCK_TIME,
                now -> sweep.step(arrived - document.idsMs()));
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        Event event = reader.read(record.value(), 0);
        if (event == null) {
            return; // servers put it aside as dead
        }
        String owner = event.text(document.owner());
        Bytes id = Bytes.wrap(Keys.texts(0, owner, event.text(Event.ID)).array());
        arrived = Math.max(arrived, record.timestamp());
        if (ids.putIfAbsent(id, Keys.number(record.timestamp())) != null) {
            return;
        }
        RecordMetadata place = context.recordMetadata().orElseThrow();
        tellLog(event, place, record.timestamp());
        if (event.type().equals(document.linkType())) {
            tellLink(event, owner, place.offset(), record.timestamp());
        }
        byte[] told = Keys.joined(Keys.number(place.offset()), record.value()).get();
        for (String key : keys(event)) {
            context.forward(new Record<>(Keys.utf8(key), told, record.timestamp()), TO_KEYS);
        }
    }

    /** The keys that anything is kept of, each once. */
    private Set<String> keys(Event event) {
        Set<String> found = new HashSet<>();
        for (Document.Facts facts : document.facts()) {
            if (facts.types().contains(event.type())) {
                found.add(event.text(facts.key()));
            }
        }
        found.remove(null);
        return found;
    }

    private void tellLog(Event event, RecordMetadata place, long moment) {
        String partition = Integer.toString(place.partition()); // as no owner is called
        Bytes at = Bytes.wrap(Keys.utf8(partition));
        byte[] held = ids.get(at);
        Atom atom = (held == null ? Atom.empty(Long.MAX_VALUE) : Atom.of(held))
                .plus(null, event.timestamp(), place.offset());
        ids.put(at, atom.bytes());
        byte[] key = Rows.of("fact", "tile", "family", document.log(), "key", partition,
                "tile", 0L, "group", "", "type", "", "input", document.moment());
        context.forward(new Record<>(key, atom.row(false, true), moment), TO_FACTS);
    }

    private void tellLink(Event event, String owner, long offset, long moment) {
        String session = event.text(Event.SESSION);
        String user = event.text(Event.USER);
        if (session != null && user != null) {
            byte[] key = Rows.of("fact", "link", "owner", owner, "event_id", event.text(Event.ID));
            byte[] row = Rows.of("session", session, "user", user,
                    "timestamp", event.timestamp(), "offset", offset);
            context.forward(new Record<>(key, row, moment), TO_FACTS);
        }
    }
}
