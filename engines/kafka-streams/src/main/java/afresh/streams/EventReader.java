package afresh.streams;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.charset.CharsetEncoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/** Reads messages of the events' topic, by the same rules as servers. */
final class EventReader {
    private final Document document;
    private final JsonFactory json = new JsonFactory();
    private final CharsetEncoder utf8 = StandardCharsets.UTF_8.newEncoder();
    private final Set<String> texts;

    EventReader(Document document) {
        this.document = document;
        texts = new HashSet<>(document.texts());
        texts.addAll(Set.of(Event.ID, Event.TYPE, Event.USER, Event.SESSION, Event.ITEM));
    }

    /** The event that begins at a place of a message, or null where there is none. */
    Event read(byte[] message, int from) {
        if (message == null) {
            return null;
        }
        try (JsonParser parser = json.createParser(message, from, message.length - from)) {
            Event event = read(parser);
            return parser.nextToken() == null && isWhole(event) ? event : null;
        } catch (IOException none) {
            return null;
        }
    }

    private Event read(JsonParser parser) throws IOException {
        expect(parser, parser.nextToken() == JsonToken.START_OBJECT);
        Map<String, String> said = new HashMap<>();
        Map<String, Long> numbers = new HashMap<>();
        long timestamp = -1;
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String name = parser.currentName();
            JsonToken token = parser.nextToken();
            if (texts.contains(name)) {
                expect(parser, token == JsonToken.VALUE_STRING && isClean(parser.getText()));
                said.put(name, parser.getText());
            } else if (name.equals(Event.TIMESTAMP)) {
                timestamp = number(parser, 0, document.momentLimit());
            } else if (token == JsonToken.VALUE_NULL) {
                numbers.remove(name);
            } else if (name.equals(Event.SENT)) {
                number(parser, 0, document.momentLimit());
            } else if (document.numbers().contains(name)) {
                long limit = document.numberLimit();
                numbers.put(name, number(parser, 1 - limit, limit));
            } else {
                parser.skipChildren();
            }
        }
        return new Event(timestamp, said, numbers);
    }

    private boolean isWhole(Event event) {
        return event.timestamp() >= 0 && event.text(Event.ID) != null && event.type() != null
                && event.text(document.owner()) != null && document.types().contains(event.type());
    }

    private static long number(JsonParser parser, long least, long end) throws IOException {
        expect(parser, parser.currentToken() == JsonToken.VALUE_NUMBER_INT);
        long said = parser.getLongValue();
        expect(parser, said >= least && said < end);
        return said;
    }

    /** Whether an id could be so called: not too long, no control characters, and UTF-8. */
    private boolean isClean(String text) {
        return text.chars().noneMatch(c -> c < 32 || (c >= 127 && c < 160))
                && utf8.canEncode(text) && Keys.utf8(text).length <= document.textBytes();
    }

    private static void expect(JsonParser parser, boolean holds) throws JsonParseException {
        if (!holds) {
            throw new JsonParseException(parser, "It is no event.");
        }
    }
}
