import { setTimeout as sleep } from 'node:timers/promises';
import { type Admin, Kafka, logLevel } from 'kafkajs';
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
  }).admin();
  await admin.connect();
  started.defer(() => admin.disconnect());
  const resources = started.move();
  return {
    broker: { host, port: Number(port) },
    async createTopic(topic) {
      await admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: 1 }], waitForLeaders: false });
      for (let attempt = 0; !(await isLed(admin, topic)); attempt++) {
        if (attempt === 300) throw new Error(`The topic ${topic} was made and is not there.`);
        await sleep(100);
      }
    },
    deleteTopic: (topic) => admin.deleteTopics({ topics: [topic] }),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** A topic that was just made is known everywhere only after a while. */
async function isLed(admin: Admin, topic: string): Promise<boolean> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics.every(({ partitions }) => partitions.length > 0 && partitions.every(({ leader }) => leader >= 0));
  } catch (error) {
    if ((error as { type?: string }).type === 'UNKNOWN_TOPIC_OR_PARTITION') return false;
    throw error;
  }
}
