package afresh.streams;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
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
    static final String CLOCK = "clock";

    private static final Bytes NEWEST = Bytes.wrap(Keys.utf8("newest"));

    private final Document document;
    private final EventReader reader;
    private final MessageDigest sha256;
    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<Bytes, byte[]> atoms;
    private KeyValueStore<Bytes, byte[]> clock;
    private Held held;
    private Sweep atomsSweep;
    private Sweep listsSweep;
    private long newest;

    Fold(Document document) {
        this.document = document;
        this.reader = new EventReader(document);
        try {
            this.sha256 = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException never) {
            throw new IllegalStateException(never);
        }
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> given) {
        context = given;
        atoms = given.getStateStore(ATOMS);
        clock = given.getStateStore(CLOCK);
        KeyValueStore<Bytes, byte[]> heads = given.getStateStore(HEADS);
        held = new Held(heads, given.getStateStore(ENTRIES));
        atomsSweep = new Sweep(atoms, atoms::delete);
        listsSweep = new Sweep(heads, list -> held.forget(list.get()));
        byte[] before = clock.get(NEWEST);
        newest = before == null ? 0 : ByteBuffer.wrap(before).getLong();
        given.schedule(Duration.ofSeconds(1), PunctuationType.WALL_CLOCK_TIME, now -> sweep());
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        Event event = reader.read(record.value(), Long.BYTES);
        long offset = ByteBuffer.wrap(record.value()).getLong();
        String key = new String(record.key(), StandardCharsets.UTF_8);
        newest = Math.max(newest, event.timestamp());
        for (Document.Facts facts : document.facts()) {
            if (facts.types().contains(event.type()) && key.equals(event.text(facts.key()))) {
                Fact fact = new Fact(event, key, offset, record.timestamp());
                facts.tiles().forEach(fact::tile);
                facts.lists().forEach(fact::list);
                facts.distincts().forEach(fact::distinct);
            }
        }
    }

    /** What nothing can be added to any more is forgotten; and so it is again after a restart. */
    private void sweep() {
        clock.put(NEWEST, Keys.number(newest));
        atomsSweep.step(newest - document.stateMs());
        listsSweep.step(newest - document.stateMs());
    }

    /** One event at one of its keys. moment: when the brokers got it. */
    private final class Fact {
        private final Event event;
        private final String key;
        private final String owner;
        private final long offset;
        private final long moment;

        Fact(Event event, String key, long offset, long moment) {
            this.event = event;
            this.key = key;
            this.owner = event.text(document.owner());
            this.offset = offset;
            this.moment = moment;
        }

        void tile(Document.Tiles tiles) {
            long tile = Math.floorDiv(event.timestamp(), tiles.width());
            long until = (tile + 1) * tiles.width();
            if (until <= newest - document.stateMs()) {
                return;
            }
            String group = event.group(tiles.group());
            for (Document.Atom spec : tiles.atoms()) {
                Long number = event.number(spec.columns());
                boolean said = spec.columns().isEmpty() || number != null;
                if (said && spec.types().contains(event.type())) {
                    count(tiles.family(), tile, until, group, spec, number);
                }
            }
        }

        private void count(String family, long tile, long until, String group,
                Document.Atom spec, Long number) {
            byte[] name = Keys.texts(Long.BYTES, family, key).putLong(tile).array();
            Bytes at = Keys.joined(
                    name, Keys.texts(0, group, event.type(), spec.input()).array());
            byte[] before = atoms.get(at);
            Atom atom = (before == null ? Atom.empty(until) : Atom.of(before))
                    .plus(number, spec.moment() ? (Long) event.timestamp() : number, offset);
            atoms.put(at, atom.bytes());
            tell(Rows.of("fact", "tile", "family", family, "key", key, "tile", tile,
                    "group", group, "type", event.type(), "input", spec.input()),
                    atom.row(number != null, spec.moment() || number != null));
        }

        void list(Document.Kept kept) {
            String item = event.text(Event.ITEM);
            boolean lives = event.timestamp() > newest - document.stateMs();
            if (item == null || !lives || !kept.types().contains(event.type())) {
                return;
            }
            String id = event.text(Event.ID);
            byte[] order = Keys.joined(Keys.number(event.timestamp()),
                    Keys.texts(0, id, owner).array()).get();
            byte[] gone = held.add(Keys.texts(0, kept.list(), key).array(), order, kept.n(),
                    event.timestamp());
            if (gone == null) {
                return;
            }
            tell(listed(kept, id, owner), Rows.of("timestamp", event.timestamp(),
                    "type", event.type(), "item", item, "session", event.text(document.visit()),
                    "offset", offset));
            if (gone.length > 0) {
                String[] named = new String(gone, Long.BYTES, gone.length - Long.BYTES,
                        StandardCharsets.UTF_8).split("\0");
                tell(listed(kept, named[0], named[1]), null);
            }
        }

        private byte[] listed(Document.Kept kept, String id, String owner) {
            return Rows.of("fact", "list", "list", kept.list(), "key", key,
                    "owner", owner, "event_id", id);
        }

        void distinct(Document.Counted counted) {
            String value = event.text(counted.value());
            long tile = Math.floorDiv(event.timestamp(), counted.width());
            long until = (tile + 1) * counted.width();
            boolean lives = until > newest - document.stateMs();
            if (value == null || !lives || !counted.types().contains(event.type())) {
                return;
            }
            long digest = ByteBuffer.wrap(sha256.digest(Keys.utf8(value))).getLong();
            byte[] list = Keys.texts(Long.BYTES, counted.counted(), key).putLong(tile).array();
            // The k least digests are the k greatest of their complements.
            byte[] gone = held.add(list, Keys.number(~digest), counted.k(), until);
            if (gone == null) {
                return;
            }
            tell(seen(counted, tile, digest), Rows.of("offset", offset));
            if (gone.length > 0) {
                tell(seen(counted, tile, ~ByteBuffer.wrap(gone).getLong()), null);
            }
        }

        private byte[] seen(Document.Counted counted, long tile, long digest) {
            return Rows.of("fact", "distinct", "counted", counted.counted(), "key", key,
                    "tile", tile, "digest", HexFormat.of().toHexDigits(digest));
        }

        private void tell(byte[] row, byte[] value) {
            context.forward(new Record<>(row, value, moment));
        }
    }
}
