import { Cursor } from '../../../decoders/cursor.ts';
import type { KafkaRequest } from './raw-request.ts';
import { RequestBody } from './request-body.ts';
import { array, errorOf, string } from './requests.ts';

// What a cluster tells of itself and of what its user may do, for a look before a run.

/** Codes of org.apache.kafka.common.acl.AclOperation, which are bits of a set. */
const OPERATIONS = { Read: 3, Write: 4, Create: 5, Describe: 8, IdempotentWrite: 12 } as const;
export type AclOperation = keyof typeof OPERATIONS;

/** What stands for a set that the broker does not tell. */
const UNKNOWN = -0x8000_0000;

/** What a user may do with a topic, or with the cluster. */
export class AllowedOperations {
  readonly #bits: number;

  constructor(bits: number) {
    this.#bits = bits;
  }

  /** Those of `needed` that are not allowed. A broker that does not tell forbids nothing as far as is known. */
  missing(needed: readonly AclOperation[]): readonly AclOperation[] {
    if (this.#bits === UNKNOWN) return [];
    return needed.filter((operation) => (this.#bits & (1 << OPERATIONS[operation])) === 0);
  }
}

export interface ClusterAccess {
  readonly brokers: number;
  readonly topics: readonly {
    readonly topic: string;
    readonly error: string | null;
    readonly allowed: AllowedOperations;
  }[];
}

/** Metadata v8, which tells the allowed operations (KIP-430). */
export function clusterAccessRequest(): KafkaRequest<ClusterAccess> {
  const body = new RequestBody();
  // All topics; none is made; cluster's operations not asked for, topics' are.
  body.int32(-1).boolean(false).boolean(false).boolean(true);
  const decode = (answer: Buffer): ClusterAccess => {
    const cursor = new Cursor(answer);
    cursor.take(4); // throttle time
    const brokers = array(cursor, () => [cursor.int32(), string(cursor), cursor.int32(), string(cursor)]).length;
    string(cursor); // cluster id
    cursor.take(4); // controller
    const topics = array(cursor, () => {
      const [error, topic] = [errorOf(cursor), string(cursor) ?? ''];
      cursor.take(1); // internal
      array(cursor, () => {
        cursor.take(14); // error, partition, leader, its epoch
        for (let lists = 0; lists < 3; lists++) array(cursor, () => cursor.int32());
      });
      return { topic, error, allowed: new AllowedOperations(cursor.int32()) };
    });
    return { brokers, topics };
  };
  return { apiKey: 3, apiVersion: 8, apiName: 'Metadata', body: body.bytes(), decode };
}

const BROKER_RESOURCE = 4;

/** A configuration of a broker; null: it does not tell. */
export function brokerConfigRequest(nodeId: number, name: string): KafkaRequest<string | null> {
  const body = new RequestBody();
  body
    .int32(1)
    .int8(BROKER_RESOURCE)
    .string(String(nodeId))
    .array([name], (one) => body.string(one));
  body.boolean(false);
  const decode = (answer: Buffer): string | null => {
    const cursor = new Cursor(answer);
    cursor.take(4); // throttle time
    const [found] = array(cursor, () => {
      errorOf(cursor);
      string(cursor); // message
      cursor.take(1); // resource type
      string(cursor); // resource name
      return array(cursor, () => {
        const [, value] = [string(cursor), string(cursor)];
        cursor.take(3); // read-only, source, sensitive
        array(cursor, () => [string(cursor), string(cursor), cursor.uint8()]);
        return value;
      });
    });
    return found?.[0] ?? null;
  };
  return { apiKey: 32, apiVersion: 1, apiName: 'DescribeConfigs', body: body.bytes(), decode };
}
