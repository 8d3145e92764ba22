import { Kafka, logLevel } from 'kafkajs';
import { startKafka } from '../../services/kafka.ts';
import type { KafkaScene } from './engines.ts';

/** As its own start script has it, with a smaller heap. */
const JAVA_OPTIONS = ['-Xmx512m', '-server', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20'];

/** The broker that carries what is measured. */
export async function startKafkaScene(): Promise<KafkaScene & AsyncDisposable> {
  await using started = new AsyncDisposableStack();
  const server = started.use(await startKafka({ java: JAVA_OPTIONS }));
  const [host = '', port] = server.bootstrap.split(':');
  const admin = new Kafka({
    clientId: 'bench',
    brokers: [server.bootstrap],
    logLevel: logLevel.NOTHING,
    // A topic that was just made is known everywhere only after a while.
    retry: { initialRetryTime: 50, maxRetryTime: 1000, retries: 60 },
  }).admin();
  await admin.connect();
  started.defer(() => admin.disconnect());
  const resources = started.move();
  return {
    broker: { host, port: Number(port) },
    async createTopic(topic) {
      await admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: 1 }], waitForLeaders: true });
    },
    deleteTopic: (topic) => admin.deleteTopics({ topics: [topic] }),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
