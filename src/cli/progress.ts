import { styleText } from 'node:util';
import type { SnapshotProgress, SourceStatus, TableProgress } from '../model/plugin.ts';
import type { LiveBlock } from './live-block.ts';
import { formatCount, formatSeconds } from './text-table.ts';

/** More tables than this are summed up: the block must fit a small terminal. */
const MAX_TABLE_LINES = 8;
const BAR_WIDTH = 20;
const MIN_SECONDS = 0.001;
/** Between two JSON lines where no terminal reads. */
const PIPED_INTERVAL_MS = 5000;

/** How far a snapshot is. Times in seconds. */
export interface SnapshotFigures {
  readonly rows: number;
  readonly rowsPerSecond: number;
  readonly tables: number;
  readonly tablesDone: number;
  readonly elapsedSeconds: number;
  /** Null while it cannot be told: no rows yet, or a table without an estimate. */
  readonly etaSeconds: number | null;
  readonly isFinished: boolean;
}

export function snapshotFigures(progress: SnapshotProgress, nowMs: number): SnapshotFigures {
  const { tables, startedMs, finishedMs } = progress;
  const elapsedSeconds = Math.max(MIN_SECONDS, ((finishedMs ?? nowMs) - startedMs) / 1000);
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const rowsPerSecond = rows / elapsedSeconds;
  const open = tables.filter((table) => table.state !== 'done');
  const left = open.reduce((sum, { estimatedRows, rows: read }) => sum + Math.max(0, (estimatedRows ?? 0) - read), 0);
  const isUnknown = rows === 0 || open.some((table) => table.estimatedRows === null);
  return {
    rows,
    rowsPerSecond,
    tables: tables.length,
    tablesDone: tables.length - open.length,
    elapsedSeconds,
    etaSeconds: finishedMs !== null ? 0 : isUnknown ? null : left / rowsPerSecond,
    isFinished: finishedMs !== null,
  };
}

/** The block of lines that shows a snapshot on a terminal, `width` columns wide. */
export function progressLines(
  connector: string,
  progress: SnapshotProgress,
  at: { nowMs: number; width: number },
): readonly string[] {
  const figures = snapshotFigures(progress, at.nowMs);
  const rate = `${formatCount(figures.rowsPerSecond)} rows/s`;
  const state = figures.isFinished
    ? `done in ${formatSeconds(figures.elapsedSeconds)}`
    : figures.etaSeconds === null
      ? 'ETA unknown'
      : `ETA ${formatSeconds(figures.etaSeconds)}`;
  const head = `snapshot of ${connector}  ${formatCount(figures.rows)} rows  ${rate}  ${figures.tablesDone}/${figures.tables} tables  ${state}`;
  const lines = [head];
  if (!figures.isFinished) {
    const reading = progress.tables.filter((table) => table.state === 'reading');
    const nameWidth = Math.max(0, ...reading.map((table) => table.table.length));
    for (const table of reading.slice(0, MAX_TABLE_LINES)) lines.push(tableLine(table, nameWidth));
    if (reading.length > MAX_TABLE_LINES) lines.push(`  and ${reading.length - MAX_TABLE_LINES} more`);
  }
  return lines.map((line) => [...line].slice(0, Math.max(1, at.width - 1)).join(''));
}

function tableLine({ table, rows, estimatedRows }: TableProgress, nameWidth: number): string {
  const name = table.padEnd(nameWidth);
  if (estimatedRows === null || estimatedRows === 0) return `  ${name}  ${formatCount(rows)} rows`;
  // The planner's estimate may be too low: never show more than whole.
  const share = Math.min(1, rows / estimatedRows);
  const filled = Math.round(share * BAR_WIDTH);
  const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}`;
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  return `  ${name}  ${bar} ${percent}  ${formatCount(rows)} of about ${formatCount(estimatedRows)}`;
}

/** One line of JSON for a program that reads along. */
export function progressJson(connector: string, progress: SnapshotProgress, nowMs: number): string {
  const { isFinished, rowsPerSecond, elapsedSeconds, etaSeconds, ...rest } = snapshotFigures(progress, nowMs);
  return `${JSON.stringify({
    event: isFinished ? 'snapshot.finished' : 'snapshot.progress',
    connector,
    ...rest,
    rowsPerSecond: Math.round(rowsPerSecond),
    elapsedMs: Math.round(elapsedSeconds * 1000),
    etaMs: etaSeconds === null ? null : Math.round(etaSeconds * 1000),
    tableRows: Object.fromEntries(progress.tables.map(({ table, rows }) => [table, rows])),
  })}\n`;
}

/**
 * Shows the snapshots of a process as they go on: a block that is drawn again on a terminal, a line of JSON every few seconds
 * and at the end elsewhere. To be told the status several times a second.
 */
export class ProgressReporter {
  readonly #block: LiveBlock;
  readonly #color: boolean;
  readonly #running = new Map<string, SnapshotProgress>();
  readonly #finished = new Set<string>();
  #lastLineMs = Number.NEGATIVE_INFINITY;

  constructor(block: LiveBlock, color: boolean) {
    this.#block = block;
    this.#color = color;
  }

  update(connector: string, status: SourceStatus, nowMs: number): void {
    const { snapshot } = status;
    if (snapshot === null || this.#finished.has(connector)) return;
    this.#running.set(connector, snapshot);
    const isFinished = snapshot.finishedMs !== null;
    if (!this.#block.isTTY) {
      if (!isFinished && nowMs - this.#lastLineMs < PIPED_INTERVAL_MS) return;
      this.#lastLineMs = nowMs;
      void this.#block.write(progressJson(connector, snapshot, nowMs));
      if (isFinished) this.#finished.add(connector);
      return;
    }
    if (!isFinished) {
      this.#draw(nowMs);
      return;
    }
    this.#finished.add(connector);
    this.#running.delete(connector);
    this.#draw(nowMs);
    const [line] = progressLines(connector, snapshot, { nowMs, width: this.#block.columns });
    void this.#block.write(`${this.#color ? styleText('green', line!, { validateStream: false }) : line}\n`);
  }

  #draw(nowMs: number): void {
    const width = this.#block.columns;
    this.#block.draw([...this.#running].flatMap(([name, progress]) => progressLines(name, progress, { nowMs, width })));
  }
}
