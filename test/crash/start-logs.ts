import type { LogServer } from './crash-log.ts';
import { startKafkaLogs } from './kafka/kafka-log.ts';
import type { MutantLog } from './mutants.ts';
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

/** Where a mutant does its harm. */
export function logOfMutant(log: MutantLog | undefined): LogChoice {
  switch (log) {
    case undefined:
      return { kind: 'sqlite', exactlyOnce: true, brokers: 1 };
    case 'kafka':
      return { kind: 'kafka', exactlyOnce: false, brokers: 1 };
    case 'kafka, exactly once':
      return { kind: 'kafka', exactlyOnce: true, brokers: 1 };
    default:
      return log satisfies never;
  }
}
