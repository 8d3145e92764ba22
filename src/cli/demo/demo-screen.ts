import { styleText } from 'node:util';
import type { LogRecord } from '../../model/record.ts';
import { type CommandIo, usesColor } from '../command-io.ts';
import { LiveBlock } from '../live-block.ts';
import { renderRecord } from '../render-change.ts';
import { formatBytes, formatCount, textTable } from '../text-table.ts';
import type { DeliveryVerdict } from './delivery.ts';
import type { Stage } from './stage.ts';

/** Figures of the line at the bottom; null: not known at this moment. */
export interface DemoStatus {
  readonly changesPerSecond: number;
  readonly delivered: number;
  readonly retainedBytes: number | null;
  readonly lagMs: number | null;
}

/** Between two status lines where no terminal reads. */
const PIPED_STATUS_MS = 5000;

type Style = Parameters<typeof styleText>[0];

/** What the demo shows: changes that scroll by, and below them where it stands. */
export class DemoScreen {
  readonly block: LiveBlock;
  readonly #io: CommandIo;
  readonly #color: boolean;
  #lastStatusMs: number;

  constructor(io: CommandIo) {
    this.#io = io;
    this.block = new LiveBlock(io.stdout);
    this.#color = usesColor(io.stdout, io.env);
    this.#lastStatusMs = io.clock();
  }

  line(text = ''): void {
    void this.block.write(`${text}\n`);
  }

  /** Something that is ready. */
  ready(what: string, detail: string): void {
    this.line(`${this.#paint('green', '✓')} ${what.padEnd(10)} ${this.#paint('dim', detail)}`);
  }

  title(): void {
    this.line(`${this.#paint('bold', 'tailrace demo')}  a Postgres of its own, a small shop, and its changes in a log`);
    this.line();
  }

  hints(stage: Stage): void {
    const command = tailraceCommand();
    this.line();
    this.line('Try in another terminal:');
    this.line(`  ${command} tail ${stage.url}`);
    this.line(`  ${command} topics read shop.public.orders --log ${stage.logPath}`);
    this.line(`  ${command} run ${stage.secondConnectorPath}`);
    this.line();
  }

  async changes(records: readonly LogRecord[]): Promise<void> {
    if (records.length === 0) return;
    const look = { color: this.#color, width: this.#io.stdout.columns };
    await this.block.write(records.map((record) => renderRecord(record, look)).join(''));
  }

  status(status: DemoStatus, lagUrl: string): void {
    const { changesPerSecond, delivered, retainedBytes, lagMs } = status;
    const parts = [
      `${changesPerSecond.toFixed(1)} changes/s`,
      `${formatCount(delivered)} in the log`,
      retainedBytes === null ? 'connecting' : `slot keeps ${formatBytes(retainedBytes)} of WAL`,
      ...(lagMs === null ? [] : [`${formatCount(lagMs)} ms behind`]),
    ];
    if (this.block.isTTY) {
      const room = Math.max(1, this.block.columns - 1);
      const cut = (text: string) => [...text].slice(0, room).join('');
      const rule = '─'.repeat(Math.min(room, 76));
      const help = `Ctrl-C ends it · ${lagUrl}`;
      this.block.draw([this.#paint('dim', rule), cut(parts.join(' · ')), this.#paint('dim', cut(help))]);
      return;
    }
    const nowMs = this.#io.clock();
    if (nowMs - this.#lastStatusMs < PIPED_STATUS_MS) return;
    this.#lastStatusMs = nowMs;
    this.line(`-- ${parts.join(', ')}`);
  }

  /** Takes the status away. */
  clear(): void {
    if (this.block.isTTY) this.block.draw([]);
  }

  verdict({ tables, differences }: DeliveryVerdict): void {
    const rows = tables.map(({ table, committed, delivered }) => [
      table,
      formatCount(committed),
      formatCount(delivered),
    ]);
    this.line(`\n${textTable([['TABLE', 'COMMITTED', 'IN THE LOG'], ...rows])}`);
    for (const difference of differences) void this.#io.stderr.write(`error: ${difference}\n`);
    if (differences.length > 0) return;
    const total = tables.reduce((sum, table) => sum + table.committed, 0);
    this.line(
      `${this.#paint('green', 'ok')}: ${formatCount(total)} changes, each in the log exactly once and in order`,
    );
  }

  #paint(style: Style, text: string): string {
    return this.#color ? styleText(style, text, { validateStream: false }) : text;
  }
}

/** How this program is started again: a clone has npm scripts, an installed package has a command. */
function tailraceCommand(): string {
  return import.meta.filename.endsWith('.ts') ? 'npm run -s tailrace --' : 'tailrace';
}
