package afresh.streams;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;

/** Keys and values of the facts' topic, as JSON: names and what they stand for, by turns. */
final class Rows {
    private static final JsonFactory JSON = new JsonFactory();

    private Rows() {}

    static byte[] of(Object... said) {
        ByteArrayOutputStream written = new ByteArrayOutputStream(160);
        try (JsonGenerator row = JSON.createGenerator(written)) {
            row.writeStartObject();
            for (int at = 0; at < said.length; at += 2) {
                if (said[at + 1] instanceof Long number) {
                    row.writeNumberField((String) said[at], number);
                } else if (said[at + 1] != null) { // what is null is left out
                    row.writeStringField((String) said[at], (String) said[at + 1]);
                }
            }
            row.writeEndObject();
        } catch (IOException never) {
            throw new UncheckedIOException(never);
        }
        return written.toByteArray();
    }
}
