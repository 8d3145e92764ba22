import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.debezium.embedded.Connect;
import io.debezium.engine.ChangeEvent;
import io.debezium.engine.DebeziumEngine;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.connect.header.Header;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.storage.Converter;
import org.apache.kafka.connect.storage.SimpleHeaderConverter;

/**
 * Runs Debezium engines for oracle.ts and prints what Kafka Connect would put on the topics.
 *
 * Commands, a JSON object a line on stdin; the end of stdin ends the program:
 *   {"cmd":"start","id":"..","props":{..},"converter":{"schemas.enable":"true",..}}
 *   {"cmd":"stop","id":".."}
 * Events, a JSON object a line on stdout:
 *   {"event":"ready"}                       commands are read
 *   {"event":"polling","id":".."}           the connector's task polls (a snapshot may still run)
 *   {"event":"record","id":"..","topic":"..","partition":n|null,"key":text|null,"value":text|null,
 *    "headers":[{"key":"..","value":text|null}],"sourceOffset":text}
 *   {"event":"stopped","id":"..","error":text|null}
 * Every text is the UTF-8 bytes that Connect's own converter made; sourceOffset is the value that goes into the offsets topic.
 */
public class Oracle {

    static final ObjectMapper JSON = new ObjectMapper();
    static final PrintStream OUT = new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8);
    static final Map<String, Engine> ENGINES = new ConcurrentHashMap<>();

    public static void main(String[] args) throws Exception {
        System.setOut(System.err); // a library that prints must not break the protocol
        print(event("ready", null));
        try (BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                JsonNode command = JSON.readTree(line);
                String id = command.get("id").asText();
                switch (command.get("cmd").asText()) {
                    case "start" -> start(id, command);
                    case "stop" -> {
                        Engine engine = ENGINES.get(id);
                        if (engine != null) new Thread(engine::close, "close-" + id).start();
                    }
                    default -> throw new IllegalArgumentException("unknown command: " + line);
                }
            }
        }
        System.exit(0);
    }

    @SuppressWarnings("deprecation") // the plain iteration over an object that every Jackson 2 has
    static void start(String id, JsonNode command) {
        Properties props = new Properties();
        command.get("props").fields().forEachRemaining(e -> props.setProperty(e.getKey(), e.getValue().asText()));
        Map<String, String> converter = new HashMap<>();
        command.get("converter").fields().forEachRemaining(e -> converter.put(e.getKey(), e.getValue().asText()));
        try {
            Engine engine = new Engine(id, props, converter);
            ENGINES.put(id, engine);
            new Thread(engine.debezium, "engine-" + id).start();
        } catch (Throwable refused) {
            print(event("stopped", id).put("error", text(refused)));
        }
    }

    static class Engine {
        final String id;
        final JsonConverter keys = new JsonConverter();
        final JsonConverter values = new JsonConverter();
        final JsonConverter offsets = new JsonConverter();
        final SimpleHeaderConverter headers = new SimpleHeaderConverter();
        final DebeziumEngine<ChangeEvent<SourceRecord, SourceRecord>> debezium;

        Engine(String id, Properties props, Map<String, String> converter) {
            this.id = id;
            keys.configure(converter, true);
            values.configure(converter, false);
            offsets.configure(Map.of("schemas.enable", "false"), false);
            debezium = DebeziumEngine.create(Connect.class)
                    .using(props)
                    .using(new DebeziumEngine.ConnectorCallback() {
                        @Override
                        public void pollingStarted() {
                            print(event("polling", id));
                        }
                    })
                    .using((success, message, error) -> {
                        ENGINES.remove(id);
                        ObjectNode stopped = event("stopped", id);
                        print(success ? stopped.putNull("error") : stopped.put("error", message + "\n" + text(error)));
                    })
                    .notifying(change -> print(describe(change.value())))
                    .build();
        }

        void close() {
            try {
                debezium.close();
            } catch (Exception alreadyClosed) {
                System.err.println("close of " + id + ": " + alreadyClosed);
            }
        }

        ObjectNode describe(SourceRecord record) {
            ObjectNode line = event("record", id);
            line.put("topic", record.topic());
            line.put("partition", record.kafkaPartition());
            line.put("key", utf8(convert(keys, record.topic(), record.keySchema(), record.key())));
            line.put("value", utf8(convert(values, record.topic(), record.valueSchema(), record.value())));
            ArrayNode list = line.putArray("headers");
            for (Header header : record.headers()) {
                byte[] bytes = headers.fromConnectHeader(record.topic(), header.key(), header.schema(), header.value());
                list.addObject().put("key", header.key()).put("value", utf8(bytes));
            }
            line.put("sourceOffset", utf8(convert(offsets, "offsets", null, record.sourceOffset())));
            return line;
        }
    }

    static byte[] convert(Converter converter, String topic, org.apache.kafka.connect.data.Schema schema, Object value) {
        return converter.fromConnectData(topic, schema, value);
    }

    static String utf8(byte[] bytes) {
        if (bytes == null) return null;
        String text = new String(bytes, StandardCharsets.UTF_8);
        if (!Arrays.equals(bytes, text.getBytes(StandardCharsets.UTF_8))) throw new IllegalStateException("a converter gave bytes that are not UTF-8");
        return text;
    }

    static ObjectNode event(String name, String id) {
        ObjectNode line = JSON.createObjectNode().put("event", name);
        return id == null ? line : line.put("id", id);
    }

    static String text(Throwable error) {
        StringWriter text = new StringWriter();
        if (error != null) error.printStackTrace(new PrintWriter(text));
        return text.toString();
    }

    static synchronized void print(ObjectNode line) {
        OUT.println(line.toString());
        OUT.flush();
    }
}
