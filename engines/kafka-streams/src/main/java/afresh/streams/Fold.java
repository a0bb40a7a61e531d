package afresh.streams;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/** Folds events into what is kept of one key, and writes each row that changed. */
final class Fold implements Processor<byte[], byte[], byte[], byte[]> {
    static final String ATOMS = "atoms";
    static final String HEADS = "heads";
    static final String ENTRIES = "entries";

    private static final Bytes NEWEST = Bytes.wrap(Keys.utf8("newest"));

    private final Document document;
    private final EventReader reader;
    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<Bytes, byte[]> atoms;
    private Held held;
    private long newest;
    // The event at hand: its key here, its place in the log, and when the brokers got it.
    private Event event;
    private String key;
    private long offset;
    private long moment;

    Fold(Document document) {
        this.document = document;
        this.reader = new EventReader(document);
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> given) {
        context = given;
        atoms = given.getStateStore(ATOMS);
        KeyValueStore<Bytes, byte[]> heads = given.getStateStore(HEADS);
        held = new Held(heads, given.getStateStore(ENTRIES));
        byte[] before = atoms.get(NEWEST);
        newest = before == null ? 0 : ByteBuffer.wrap(before).getLong();
        Sweep tiles = new Sweep(atoms, atoms::delete);
        Sweep lists = new Sweep(heads, list -> held.forget(list.get()));
        given.schedule(Duration.ofSeconds(1), PunctuationType.WALL_CLOCK_TIME, now -> {
            // What was forgotten once stays so after a restart.
            atoms.put(NEWEST, Keys.number(newest));
            tiles.step(newest - document.stateMs());
            lists.step(newest - document.stateMs());
        });
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        event = reader.read(record.value(), Long.BYTES);
        if (event == null) {
            return; // of a type that the document no longer has
        }
        key = new String(record.key(), StandardCharsets.UTF_8);
        offset = ByteBuffer.wrap(record.value()).getLong();
        moment = record.timestamp();
        newest = Math.max(newest, event.timestamp());
        for (Document.Facts facts : document.facts()) {
            if (facts.types().contains(event.type()) && key.equals(event.text(facts.key()))) {
                facts.tiles().forEach(this::count);
                facts.lists().forEach(this::hold);
                facts.distincts().forEach(this::distinguish);
            }
        }
    }

    private void count(Document.Tiles tiles) {
        long tile = Math.floorDiv(event.timestamp(), tiles.width());
        String group = event.group(tiles.group());
        for (Document.Atom spec : tiles.atoms()) {
            Long number = event.number(spec.columns());
            if (touches(spec.types(), (tile + 1) * tiles.width())
                    && (number != null || spec.columns().isEmpty())) {
                count(tiles, tile, group, spec, number);
            }
        }
    }

    private void count(Document.Tiles tiles, long tile, String group, Document.Atom spec,
            Long number) {
        Bytes at = Keys.joined(
                Keys.texts(Long.BYTES, tiles.family(), key).putLong(tile).array(),
                Keys.texts(0, group, event.type(), spec.input()).array());
        byte[] before = atoms.get(at);
        Atom atom = (before == null ? Atom.empty((tile + 1) * tiles.width()) : Atom.of(before))
                .plus(number, spec.moment() ? (Long) event.timestamp() : number, offset);
        atoms.put(at, atom.bytes());
        tell(Rows.of("fact", "tile", "family", tiles.family(), "key", key, "tile", tile,
                "group", group, "type", event.type(), "input", spec.input()),
                atom.row(number != null, spec.moment() || number != null));
    }

    private void hold(Document.Kept kept) {
        String item = event.text(Event.ITEM);
        if (item == null || !touches(kept.types(), event.timestamp())) {
            return;
        }
        byte[] order = Keys.joined(Keys.number(event.timestamp()), Keys.texts(
                0, event.text(Event.ID), event.text(document.owner())).array()).get();
        byte[] row = Rows.of("timestamp", event.timestamp(), "type", event.type(), "item", item,
                "session", event.text(document.visit()), "offset", offset);
        keep(Keys.texts(0, kept.list(), key).array(), order, kept.n(), event.timestamp(), row,
                entry -> listed(kept, entry));
    }

    private byte[] listed(Document.Kept kept, byte[] order) {
        String[] named = new String(order, Long.BYTES, order.length - Long.BYTES,
                StandardCharsets.UTF_8).split("\0");
        return Rows.of("fact", "list", "list", kept.list(), "key", key,
                "owner", named[1], "event_id", named[0]);
    }

    private void distinguish(Document.Counted counted) {
        String value = event.text(counted.value());
        long tile = Math.floorDiv(event.timestamp(), counted.width());
        long until = (tile + 1) * counted.width();
        if (value == null || !touches(counted.types(), until)) {
            return;
        }
        byte[] list = Keys.texts(Long.BYTES, counted.counted(), key).putLong(tile).array();
        // The k least digests are the k greatest of their complements.
        byte[] order = Keys.number(~Keys.digest(value));
        keep(list, order, counted.k(), until, Rows.of("offset", offset),
                entry -> seen(counted, tile, entry));
    }

    private byte[] seen(Document.Counted counted, long tile, byte[] order) {
        return Rows.of("fact", "distinct", "counted", counted.counted(), "key", key, "tile", tile,
                "digest", HexFormat.of().toHexDigits(~ByteBuffer.wrap(order).getLong()));
    }

    /** Put an entry into a list; its row comes, and that of what it drove out goes. */
    private void keep(byte[] list, byte[] entry, int n, long until, byte[] row,
            UnaryOperator<byte[]> key) {
        byte[] gone = held.add(list, entry, n, until);
        if (gone != null) {
            tell(key.apply(entry), row);
        }
        if (gone != null && gone.length > 0) {
            tell(key.apply(gone), null);
        }
    }

    /** Whether the event counts for some types, and what it adds to, until then, still lives. */
    private boolean touches(Set<String> types, long until) {
        return types.contains(event.type()) && until > newest - document.stateMs();
    }

    private void tell(byte[] row, byte[] value) {
        context.forward(new Record<>(row, value, moment));
    }
}
