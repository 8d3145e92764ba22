import { randomInt } from 'node:crypto';
import ZongJi, { type ZongJiOptions } from '@vlasky/zongji';

/** A row change as ZongJi, which shares no decoder with us, reads it. */
export interface WitnessedChange {
  readonly op: 'c' | 'u' | 'd';
  readonly table: string;
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
}

interface RowsEvent {
  getEventName(): string;
  readonly tableId: number;
  readonly tableMap: Readonly<Record<number, { readonly tableName: string }>>;
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

/** All row changes of a database from a place on, up to the first change of its table `marks`. */
export async function changesSince(
  url: string,
  database: string,
  from: Pick<ZongJiOptions, 'filename' | 'position' | 'gtidSet'>,
): Promise<readonly WitnessedChange[]> {
  const zongji = new ZongJi(url as never);
  const changes: WitnessedChange[] = [];
  try {
    await new Promise<void>((done, failed) => {
      zongji.on('error', failed);
      zongji.on('binlog', (raw: unknown) => {
        const event = raw as RowsEvent;
        const name = event.getEventName();
        if (name === 'tablemap') return;
        const table = event.tableMap[event.tableId]!.tableName;
        if (table === 'marks') done();
        for (const row of event.rows) {
          const pair = row as { readonly before: WitnessedChange['before']; readonly after: WitnessedChange['after'] };
          if (name === 'writerows') changes.push({ op: 'c', table, before: null, after: row });
          else if (name === 'deleterows') changes.push({ op: 'd', table, before: row, after: null });
          else changes.push({ op: 'u', table, before: pair.before, after: pair.after });
        }
      });
      zongji.start({
        ...from,
        serverId: randomInt(1 << 16, 1 << 30),
        includeEvents: ['tablemap', 'writerows', 'updaterows', 'deleterows'],
        includeSchema: { [database]: true },
      });
    });
  } finally {
    await new Promise<void>((stopped) => {
      zongji.once('stopped', () => stopped());
      zongji.stop();
    });
  }
  return changes.filter(({ table }) => table !== 'marks');
}
