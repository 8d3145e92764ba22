import { randomBytes } from 'node:crypto';
import { Unavailable } from './debian.ts';
import { startKafka } from './kafka.ts';

/** Where the test runner, or a developer, says that brokers run already: `host:port`, without TLS and SASL. */
export const kafkaVariable = 'KAFKA_BROKERS';

let own: Promise<string> | null = null;

/** `host:port` of the broker all test files share; a file that runs alone starts one of its own, which ends with the process. */
export function sharedKafka(): Promise<string> {
  const given = process.env[kafkaVariable];
  if (given !== undefined && given !== '') return Promise.resolve(given);
  own ??= startKafka().then(({ bootstrap }) => bootstrap);
  return own;
}

/**
 * For `test(name, { skip: await whyNoKafka() }, ..)`: the reason why there is no broker on this machine, or false.
 * @throws Unavailable in CI, where every server must be had.
 */
export async function whyNoKafka(): Promise<string | false> {
  try {
    await sharedKafka();
    return false;
  } catch (error) {
    if (!(error instanceof Unavailable) || process.env.CI === 'true') throw error;
    return error.message;
  }
}

/** A name that nobody else uses: topics, transactional ids, topic prefixes. */
export function uniqueName(prefix = 't'): string {
  return `${prefix}_${randomBytes(6).toString('hex')}`;
}
