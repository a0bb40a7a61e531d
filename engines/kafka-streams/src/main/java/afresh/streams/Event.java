package afresh.streams;

import afresh.streams.Document.Column;
import afresh.streams.Document.Group;
import java.util.List;
import java.util.Map;

/** An event as the topic holds it: numbers are scaled integers, and "" is no text. */
record Event(long timestamp, Map<String, String> texts, Map<String, Long> numbers) {
    static final String ID = "event_id";
    static final String TYPE = "event_type";
    static final String USER = "user_id";
    static final String SESSION = "session_id";
    static final String ITEM = "item_id";
    static final String TIMESTAMP = "timestamp";
    static final String SENT = "sent_timestamp";

    private static final long HOUR_MS = 3_600_000;

    String type() {
        return texts.get(TYPE);
    }

    /** A text, or null. */
    String text(String column) {
        String said = texts.get(column);
        return said == null || said.isEmpty() ? null : said;
    }

    String text(List<Column> columns) {
        for (Column column : columns) {
            String said = text(column.column());
            if (said != null) {
                return column.prefix().isEmpty() ? said : column.prefix() + said;
            }
        }
        return null;
    }

    /** The first number of some columns, or null. */
    Long number(List<String> columns) {
        for (String column : columns) {
            if (numbers.get(column) != null) {
                return numbers.get(column);
            }
        }
        return null;
    }

    /** The name of its group; "" for none. */
    String group(Group split) {
        if (split == null) {
            return "";
        }
        if (split.hourOffset() != null) {
            long hour = Math.floorDiv(timestamp + split.hourOffset(), HOUR_MS);
            return Long.toString(Math.floorMod(hour, 24L));
        }
        if (split.text() != null) {
            String said = text(split.text());
            return said == null ? "" : said;
        }
        Long said = number(split.columns());
        int band = 0;
        while (said != null && band < split.edges().size() && said >= split.edges().get(band)) {
            band++;
        }
        return said == null ? "" : split.labels().get(band);
    }
}
