import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apicurio.registry.utils.converter.avro.AvroData;
import io.apicurio.registry.utils.converter.avro.AvroDataConfig;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Map;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.json.JsonConverter;

/**
 * Says what Apicurio's copy of Confluent's AvroData makes of Connect records.
 *
 * A JSON text a line on stdin, as JsonConverter writes it with schemas: {"schema":{..},"payload":{..}}; the answer, a line on stdout:
 *   {"avro":text of the Avro schema,"hex":the value in Avro's binary encoding} or {"error":text}
 * Arguments are settings of AvroData: connect.meta.data=false
 */
public class AvroJudge {
    public static void main(String[] args) throws Exception {
        ObjectMapper json = new ObjectMapper();
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        JsonConverter reader = new JsonConverter();
        // Nulls stay as they are until AvroData meets them, as in a connector.
        reader.configure(Map.of("schemas.enable", "true", "replace.null.with.default", "false"), false);
        AvroDataConfig.Builder settings = new AvroDataConfig.Builder();
        for (String arg : args) settings = settings.with(arg.split("=")[0], arg.split("=")[1]);
        AvroData data = new AvroData(settings.build());
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            ObjectNode answer = json.createObjectNode();
            try {
                SchemaAndValue record = reader.toConnectData("t", line.getBytes(StandardCharsets.UTF_8));
                Schema schema = record.schema();
                org.apache.avro.Schema avro = data.fromConnectSchema(schema);
                Object value = data.fromConnectData(schema, record.value());
                ByteArrayOutputStream bytes = new ByteArrayOutputStream();
                BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(bytes, null);
                new GenericDatumWriter<Object>(avro, new GenericData()).write(value, encoder);
                encoder.flush();
                answer.put("avro", avro.toString());
                answer.put("hex", HexFormat.of().formatHex(bytes.toByteArray()));
            } catch (Exception refused) {
                answer.put("error", refused.toString());
            }
            out.println(json.writeValueAsString(answer));
            out.flush();
        }
    }
}
