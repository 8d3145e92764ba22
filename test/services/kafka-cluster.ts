import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../src/cli/demo/postgres-server.ts';
import { fetchKafkaJars } from './kafka.ts';
import { KafkaNode } from './kafka-node.ts';
import { KafkaWitness } from './kafka-witness.ts';
import { TcpProxy } from './tcp-proxy.ts';

export interface KafkaClusterOptions {
  /** 1 or 3 nodes, each a broker and a controller. */
  readonly nodes: 1 | 3;
  /** Laid over the defaults, by the names of server.properties. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A cluster whose brokers can be killed, and whose ways to them can be cut. */
export interface KafkaCluster extends AsyncDisposable {
  /** `host:port` of each broker, straight. */
  readonly bootstrap: string;
  /** Likewise, by way of the proxies: whoever begins here is told of no other way. */
  readonly proxiedBootstrap: string;
  /** By broker, the first one's id being 1. */
  readonly nodes: readonly KafkaNode[];
  readonly proxies: readonly TcpProxy[];
  /** Reads and moves topics by Kafka's own client, straight. */
  readonly witness: KafkaWitness;
  /** Replicas that a topic can have. */
  readonly replicas: number;
}

const host = '127.0.0.1';

/** Failures are noticed, and timed out transactions ended, within a second or two; topics are made by those who need them. */
const defaults: Readonly<Record<string, string>> = {
  'auto.create.topics.enable': 'false',
  'broker.heartbeat.interval.ms': '500',
  'broker.session.timeout.ms': '3000',
  'controller.quorum.election.timeout.ms': '500',
  'controller.quorum.fetch.timeout.ms': '1000',
  'group.initial.rebalance.delay.ms': '0',
  'offsets.topic.num.partitions': '2',
  'replica.lag.time.max.ms': '3000',
  'share.coordinator.state.topic.num.partitions': '1',
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': '500',
  'transaction.state.log.num.partitions': '2',
};

/** @throws Unavailable where there is no Java 17 or Maven, or the jars cannot be had. */
export async function startKafkaCluster(options: KafkaClusterOptions): Promise<KafkaCluster> {
  const lib = await fetchKafkaJars();
  await using started = new AsyncDisposableStack();
  const dir = mkdtempSync(join(tmpdir(), 'tailrace-kafka-'));
  started.defer(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }));
  const ids = Array.from({ length: options.nodes }, (_, index) => index + 1);
  const ports: { direct: number; proxied: number; controller: number }[] = [];
  for (const _ of ids)
    ports.push({ direct: await freePort(), proxied: await freePort(), controller: await freePort() });
  const proxies: TcpProxy[] = [];
  for (const { proxied } of ports) proxies.push(started.use(await TcpProxy.to(proxied)));
  const voters = ids.map((id) => `${id}@${host}:${ports[id - 1]!.controller}`).join(',');
  const nodes = ids.map((id, index) => {
    const { direct, proxied, controller } = ports[index]!;
    return started.use(
      new KafkaNode({
        id,
        lib,
        dir: join(dir, String(id)),
        port: direct,
        properties: {
          ...defaults,
          ...replication(options.nodes),
          'process.roles': 'broker,controller',
          'node.id': String(id),
          'controller.quorum.voters': voters,
          'controller.listener.names': 'CONTROLLER',
          'inter.broker.listener.name': 'DIRECT',
          'listener.security.protocol.map': 'DIRECT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT',
          listeners: `DIRECT://${host}:${direct},PROXIED://${host}:${proxied},CONTROLLER://${host}:${controller}`,
          'advertised.listeners': `DIRECT://${host}:${direct},PROXIED://${host}:${proxies[index]!.port}`,
          'log.dirs': join(dir, String(id), 'data'),
          ...options.settings,
        },
      }),
    );
  });
  await Promise.all(nodes.map((node) => node.format()));
  await Promise.all(nodes.map((node) => node.start()));
  const bootstrap = ports.map(({ direct }) => `${host}:${direct}`).join(',');
  const witness = started.use(await KafkaWitness.start(lib, bootstrap));
  await witness.awaitBrokers(options.nodes);
  const owned = started.move();
  return {
    bootstrap,
    proxiedBootstrap: proxies.map(({ port }) => `${host}:${port}`).join(','),
    nodes,
    proxies,
    witness,
    replicas: options.nodes,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** One broker's topics have one replica; of three, two are enough to go on. */
function replication(nodes: number): Record<string, string> {
  const inSync = nodes === 1 ? '1' : '2';
  return {
    'default.replication.factor': String(nodes),
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': String(nodes),
    'transaction.state.log.replication.factor': String(nodes),
    'transaction.state.log.min.isr': inSync,
    'share.coordinator.state.topic.replication.factor': String(nodes),
    'share.coordinator.state.topic.min.isr': inSync,
  };
}
