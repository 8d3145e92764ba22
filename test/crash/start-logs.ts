import type { LogServer } from './crash-log.ts';
import { startKafkaLogs } from './kafka/kafka-log.ts';
import { sqliteLogs } from './sqlite-log.ts';

export type LogKind = 'sqlite' | 'kafka';

export const LOG_KINDS: readonly LogKind[] = ['sqlite', 'kafka'];

export interface LogChoice {
  readonly kind: LogKind;
  readonly exactlyOnce: boolean;
  readonly brokers: 1 | 3;
}

export async function startLogs({ kind, exactlyOnce, brokers }: LogChoice): Promise<LogServer> {
  return kind === 'sqlite' ? sqliteLogs() : startKafkaLogs({ exactlyOnce, brokers });
}
