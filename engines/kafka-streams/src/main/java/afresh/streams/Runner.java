package afresh.streams;

import static org.apache.kafka.streams.CloseOptions.GroupMembershipOperation.LEAVE_GROUP;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Named;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.processor.UsePartitionTimeOnInvalidTimestamp;
import org.apache.kafka.streams.state.Stores;

/** java -jar afresh-kafka-streams.jar DOCUMENT [PROPERTIES]: runs until it is told to end. */
public final class Runner {
    private Runner() {}

    /** Ends with 2 for a call that makes no sense, with 1 after a failure. */
    public static void main(String[] given) throws InterruptedException {
        if (given.length < 1 || given.length > 2) {
            System.err.println("java -jar afresh-kafka-streams.jar DOCUMENT [PROPERTIES]\n"
                    + "`afresh plan APP.py --engine kafka-streams` prints the document.");
            System.exit(2);
        }
        try {
            Document document = Document.read(Path.of(given[0]));
            run(new KafkaStreams(topology(document),
                    settings(document, given.length == 2 ? Path.of(given[1]) : null)));
        } catch (IOException | RuntimeException error) {
            System.err.println("It does not start: " + error.getMessage());
            System.exit(2);
        }
    }

    private static void run(KafkaStreams streams) throws InterruptedException {
        CountDownLatch ended = new CountDownLatch(1);
        streams.setStateListener((now, before) -> {
            System.out.println(now);
            if (now == KafkaStreams.State.ERROR || now == KafkaStreams.State.NOT_RUNNING) {
                ended.countDown();
            }
        });
        // Others take over at once.
        CloseOptions leaving = CloseOptions.groupMembershipOperation(LEAVE_GROUP);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(leaving)));
        streams.start();
        ended.await();
        if (streams.state() == KafkaStreams.State.ERROR) {
            System.exit(1);
        }
    }

    private static Properties settings(Document document, Path file) throws IOException {
        Properties settings = new Properties();
        settings.putAll(Map.of(
                StreamsConfig.STATE_DIR_CONFIG, "state",
                StreamsConfig.POLL_MS_CONFIG, "5", // or else commits wait for the next event
                "auto.offset.reset", "earliest",
                "producer.compression.type", "lz4",
                "producer.batch.size", "262144"));
        if (file != null) {
            try (Reader reader = Files.newBufferedReader(file)) {
                settings.load(reader);
            }
        }
        settings.putIfAbsent(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, document.topics().brokers());
        settings.putAll(Map.of(
                StreamsConfig.APPLICATION_ID_CONFIG, document.topics().application(),
                // A repeat would be counted twice: state, place and rows move on together.
                StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2,
                StreamsConfig.DEFAULT_TIMESTAMP_EXTRACTOR_CLASS_CONFIG,
                UsePartitionTimeOnInvalidTimestamp.class,
                StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class,
                StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class));
        return settings;
    }

    private static Topology topology(Document document) {
        StreamsBuilder builder = new StreamsBuilder();
        for (String store : List.of(Once.IDS, Fold.ATOMS, Fold.HEADS, Fold.ENTRIES)) {
            builder.addStateStore(Stores.keyValueStoreBuilder(
                    Stores.persistentKeyValueStore(store), Serdes.Bytes(), Serdes.ByteArray()));
        }
        KStream<byte[], byte[]> once = builder
                .<byte[], byte[]>stream(document.topics().events())
                .process(() -> new Once(document), Named.as("once"), Once.IDS);
        once.filter((key, value) -> true, Named.as(Once.TO_FACTS)).to(document.topics().facts());
        once.filter((key, value) -> true, Named.as(Once.TO_KEYS))
                .repartition(Repartitioned.as("keys"))
                .process(() -> new Fold(document), Named.as("fold"),
                        Fold.ATOMS, Fold.HEADS, Fold.ENTRIES)
                .to(document.topics().facts());
        return builder.build();
    }
}
