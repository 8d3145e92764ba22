import { NULL_VALUE, type RowChange, type SchemaChange } from '../../../decoders/change.ts';
import type { MysqlConfig } from '../../../src/config/mysql.ts';
import type { Batch, SnapshotProgress } from '../../../src/model/plugin.ts';
import { formatOffset } from '../../../src/sources/mysql/offset.ts';
import { SchemaModel } from '../../../src/sources/mysql/schema/schema-model.ts';
import type { SnapshotPoint } from '../../../src/sources/mysql/snapshot-point.ts';
import { readSnapshot } from '../../../src/sources/mysql/snapshot-run.ts';
import type { MysqlFamily } from '../../services/shared-mysql.ts';

/** The bytes of a row as the server sent them, by column. */
export type RowBytes = Readonly<Record<string, Buffer | null>>;

export interface ReadOptions {
  readonly withRows?: boolean;
  readonly signal?: AbortSignal;
  /** Awaited before the next batch is asked for. */
  readonly onBatch?: (batch: Batch, reading: SnapshotReading) => Promise<void> | void;
  readonly onInfo?: (message: string) => void;
}

/** What a snapshot gave. Bytes are copied: a batch lends them. */
export class SnapshotReading {
  readonly batches: Batch[] = [];
  readonly rows: {
    readonly table: string;
    readonly marker: string;
    readonly after: RowBytes;
    readonly change: RowChange;
  }[] = [];
  readonly schemas: SchemaChange[] = [];
  readonly warnings: string[] = [];
  readonly model: SchemaModel;
  point: SnapshotPoint | null = null;
  progress: SnapshotProgress | null = null;

  constructor(family: MysqlFamily) {
    this.model = new SchemaModel({
      family,
      lowerCaseTableNames: 0,
      comments: false,
      explicitDefaultsForTimestamp: true,
    });
  }

  /** Rows of a table as texts. */
  texts(table: string): (string | null)[][] {
    const rows = this.rows.filter((row) => row.table.endsWith(`.${table}`));
    return rows.map(({ after }) => Object.values(after).map((bytes) => bytes?.toString() ?? null));
  }

  async read(config: MysqlConfig, options: ReadOptions): Promise<void> {
    const { withRows = true, signal = new AbortController().signal, onBatch, onInfo } = options;
    const note = (...args: unknown[]): void => {
      this.warnings.push(args.map((arg) => (typeof arg === 'string' ? arg : JSON.stringify(arg))).join(' '));
    };
    const generator = readSnapshot({
      config,
      model: this.model,
      withRows,
      offsetAt: ({ file, position, gtids }, readTimeMicros, completed) =>
        formatOffset({
          file,
          position,
          gtids,
          skip: null,
          timestampSeconds: Math.floor(readTimeMicros / 1e6),
          serverId: null,
          serverUuid: null,
          snapshot: { type: 'INITIAL', completed },
        }),
      clock: Date.now,
      logger: { info: (...args: unknown[]) => onInfo?.(String(args.at(-1))), warn: note } as never,
      onProgress: (progress) => {
        this.progress = progress;
      },
      signal,
    });
    try {
      for (let step = await generator.next(); ; step = await generator.next()) {
        if (step.done === true) {
          this.point = step.value;
          return;
        }
        this.#take(step.value);
        await onBatch?.(step.value, this);
      }
    } finally {
      await generator.return(null);
    }
  }

  #take(batch: Batch): void {
    this.batches.push(batch);
    for (const change of batch.changes) {
      if (change.kind === 'schema') this.schemas.push(change);
      if (change.kind !== 'row') continue;
      const { table, after, snapshot } = change;
      const cells = table.columns.map(({ name }, i) => {
        const start = after!.spans[after!.base + 2 * i]!;
        const end = after!.spans[after!.base + 2 * i + 1]!;
        return [name, start === NULL_VALUE ? null : Buffer.from(after!.bytes.subarray(start, end))] as const;
      });
      this.rows.push({
        table: `${table.namespace}.${table.name}`,
        marker: snapshot,
        after: Object.fromEntries(cells),
        change,
      });
    }
  }
}

/** Reads a snapshot to its end. */
export async function readWhole(
  config: MysqlConfig,
  family: MysqlFamily,
  options: ReadOptions = {},
): Promise<SnapshotReading> {
  const reading = new SnapshotReading(family);
  await reading.read(config, options);
  return reading;
}
