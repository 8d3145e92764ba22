import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.DataOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewPartitionReassignment;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.utils.Utils;

/**
 * Kafka's own client, for the tests: reads topics as any consumer with isolation level read_committed does, and moves
 * leaders about. Commands come on stdin, one a line, fields between tabs: id, verb, arguments. Answers go to stdout:
 * id, "ok" or "error", text; and of "follow" id, "record", partition, offset, timestamp, key, value (Base64, "-" for null).
 */
public class KafkaWitness {
    private static final PrintStream out = new PrintStream(new BufferedOutputStream(System.out, 1 << 16), false, StandardCharsets.UTF_8);
    private static final Duration TIMEOUT = Duration.ofSeconds(60);
    private static String bootstrap;

    public static void main(String[] args) throws Exception {
        bootstrap = args[0];
        answer("0", "ok", "ready");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] fields = line.split("\t", -1);
            Thread thread = new Thread(() -> run(fields));
            thread.setDaemon(true);
            thread.start();
        }
    }

    private static synchronized void answer(String... fields) {
        out.print(String.join("\t", fields) + "\n");
        out.flush();
    }

    private static void run(String[] fields) {
        String id = fields[0];
        try {
            String text = switch (fields[1]) {
                case "follow" -> follow(id, fields[2]);
                case "dump" -> dump(Path.of(fields[2]), Pattern.compile(fields[3]));
                case "await" -> await(Integer.parseInt(fields[2]));
                case "move" -> move(Pattern.compile(fields[2]));
                case "coordinator" -> coordinator(fields[2]);
                case "partitions" -> partitions(fields[2], fields[3]);
                default -> throw new IllegalArgumentException("no such command: " + fields[1]);
            };
            answer(id, "ok", text);
        } catch (Throwable error) {
            answer(id, "error", String.valueOf(error).replace('\n', ' ').replace('\t', ' '));
        }
    }

    private static Properties properties() {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrap);
        return properties;
    }

    private static KafkaConsumer<byte[], byte[]> consumer() {
        Properties properties = properties();
        properties.put("isolation.level", "read_committed");
        properties.put("enable.auto.commit", "false");
        properties.put("auto.offset.reset", "earliest");
        properties.put("allow.auto.create.topics", "false");
        properties.put("metadata.max.age.ms", "2000");
        properties.put("max.poll.records", "5000");
        return new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private static List<TopicPartition> partitionsOf(KafkaConsumer<?, ?> consumer, String topic) {
        return consumer.partitionsFor(topic, TIMEOUT).stream()
            .map(info -> new TopicPartition(topic, info.partition())).toList();
    }

    /** Every record of a topic from its beginning on, until this process ends. It need not exist yet. */
    private static String follow(String id, String topic) throws Exception {
        try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
            while (!consumer.listTopics(TIMEOUT).containsKey(topic)) Thread.sleep(50);
            List<TopicPartition> partitions = partitionsOf(consumer, topic);
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            while (true) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofSeconds(1))) {
                    answer(id, "record", String.valueOf(record.partition()), String.valueOf(record.offset()),
                        String.valueOf(record.timestamp()), base64(record.key()), base64(record.value()));
                }
            }
        }
    }

    private static String base64(byte[] bytes) {
        return bytes == null ? "-" : Base64.getEncoder().encodeToString(bytes);
    }

    /**
     * Writes each partition of the topics that match, up to its last stable offset, into a file "topic:partition"; gives
     * "topic:partitions" of each. A record: int64 offset, int64 timestamp, key, value, int32 number of headers, each a
     * key and a value; a text or bytes: int32 length (-1: null), bytes.
     */
    private static String dump(Path folder, Pattern pattern) throws Exception {
        List<String> found = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (String topic : consumer.listTopics(TIMEOUT).keySet()) {
                if (!pattern.matcher(topic).matches()) continue;
                List<TopicPartition> of = partitionsOf(consumer, topic);
                found.add(topic + ":" + of.size());
                partitions.addAll(of);
            }
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions, TIMEOUT);
            Map<TopicPartition, DataOutputStream> files = new HashMap<>();
            for (TopicPartition tp : partitions) {
                Path path = folder.resolve(tp.topic() + ":" + tp.partition());
                files.put(tp, new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(path), 1 << 16)));
            }
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            long deadline = System.nanoTime() + TIMEOUT.toNanos();
            while (partitions.stream().anyMatch(tp -> consumer.position(tp, TIMEOUT) < ends.get(tp))) {
                var records = consumer.poll(Duration.ofMillis(200));
                if (!records.isEmpty()) deadline = System.nanoTime() + TIMEOUT.toNanos();
                if (System.nanoTime() > deadline) throw new IllegalStateException("nothing was read for " + TIMEOUT);
                for (ConsumerRecord<byte[], byte[]> record : records) {
                    TopicPartition tp = new TopicPartition(record.topic(), record.partition());
                    if (record.offset() < ends.get(tp)) write(files.get(tp), record);
                }
            }
            for (DataOutputStream file : files.values()) file.close();
        }
        return String.join(",", found);
    }

    private static void write(DataOutputStream file, ConsumerRecord<byte[], byte[]> record) throws Exception {
        file.writeLong(record.offset());
        file.writeLong(record.timestamp());
        write(file, record.key());
        write(file, record.value());
        Header[] headers = record.headers().toArray();
        file.writeInt(headers.length);
        for (Header header : headers) {
            write(file, header.key().getBytes(StandardCharsets.UTF_8));
            write(file, header.value());
        }
    }

    private static void write(DataOutputStream file, byte[] bytes) throws Exception {
        file.writeInt(bytes == null ? -1 : bytes.length);
        if (bytes != null) file.write(bytes);
    }

    /** Until so many brokers are there and every replica of every partition is in sync. */
    private static String await(int brokers) throws Exception {
        long deadline = System.nanoTime() + TIMEOUT.toNanos();
        try (Admin admin = Admin.create(properties())) {
            while (true) {
                Object state = null;
                try {
                    int there = admin.describeCluster().nodes().get().size();
                    Set<String> topics = admin.listTopics(new org.apache.kafka.clients.admin.ListTopicsOptions().listInternal(true)).names().get();
                    List<String> behind = new ArrayList<>();
                    for (TopicDescription topic : admin.describeTopics(topics).allTopicNames().get().values()) {
                        for (TopicPartitionInfo info : topic.partitions()) {
                            if (info.leader() == null || info.isr().size() < info.replicas().size()) behind.add(topic.name() + ":" + info.partition());
                        }
                    }
                    if (there >= brokers && behind.isEmpty()) return "";
                    state = there + " brokers, not in sync: " + behind;
                } catch (java.util.concurrent.ExecutionException error) {
                    state = error;
                }
                if (System.nanoTime() > deadline) throw new IllegalStateException(String.valueOf(state));
                Thread.sleep(100);
            }
        }
    }

    /** Each partition of the topics that match gets another leader of its replicas; gives how many did. */
    private static String move(Pattern pattern) throws Exception {
        try (Admin admin = Admin.create(properties())) {
            Set<String> names = new HashSet<>(admin.listTopics().names().get());
            names.removeIf(name -> !pattern.matcher(name).matches());
            Map<TopicPartition, Optional<NewPartitionReassignment>> moves = new HashMap<>();
            Map<TopicPartition, Integer> before = new TreeMap<>((a, b) -> a.toString().compareTo(b.toString()));
            for (TopicDescription topic : admin.describeTopics(names).allTopicNames().get().values()) {
                for (TopicPartitionInfo info : topic.partitions()) {
                    if (info.leader() == null || info.replicas().size() < 2) continue;
                    List<Integer> replicas = new ArrayList<>(info.replicas().stream().map(node -> node.id()).toList());
                    // Whoever leads goes to the end: the first one is the preferred leader.
                    replicas.remove((Integer) info.leader().id());
                    replicas.add(info.leader().id());
                    TopicPartition tp = new TopicPartition(topic.name(), info.partition());
                    moves.put(tp, Optional.of(new NewPartitionReassignment(replicas)));
                    before.put(tp, info.leader().id());
                }
            }
            if (moves.isEmpty()) return "0";
            admin.alterPartitionReassignments(moves).all().get();
            while (!admin.listPartitionReassignments(moves.keySet()).reassignments().get().isEmpty()) Thread.sleep(20);
            // A replica that is not in sync is not elected.
            admin.electLeaders(ElectionType.PREFERRED, moves.keySet()).partitions().get();
            int moved = 0;
            for (TopicDescription topic : admin.describeTopics(names).allTopicNames().get().values()) {
                for (TopicPartitionInfo info : topic.partitions()) {
                    Integer old = before.get(new TopicPartition(topic.name(), info.partition()));
                    if (old != null && info.leader() != null && info.leader().id() != old) moved++;
                }
            }
            return String.valueOf(moved);
        }
    }

    /** The broker that keeps a producer's transactions. */
    private static String coordinator(String transactionalId) throws Exception {
        try (Admin admin = Admin.create(properties())) {
            return String.valueOf(admin.describeTransactions(List.of(transactionalId)).all().get().get(transactionalId).coordinatorId());
        }
    }

    /** For Base64 keys between commas and numbers of partitions between commas: "murmur2:partition:..." of each key. */
    private static String partitions(String keys, String counts) {
        List<String> lines = new ArrayList<>();
        for (String key : keys.split(",", -1)) {
            byte[] bytes = Base64.getDecoder().decode(key);
            StringBuilder line = new StringBuilder().append(Utils.murmur2(bytes));
            for (String count : counts.split(",")) {
                line.append(':').append(BuiltInPartitioner.partitionForKey(bytes, Integer.parseInt(count)));
            }
            lines.add(line.toString());
        }
        return String.join(",", lines);
    }
}
