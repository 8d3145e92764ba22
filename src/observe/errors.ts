import { TailraceError } from '../model/errors.ts';

export interface ErrorReport {
  /** Whole lines, the last one ended. */
  readonly text: string;
  readonly exitCode: number;
}

/**
 * An error for a terminal: `error: <what happened, where>`, a line for each when there are several, then `fix: <what to do>`.
 * What nobody foresaw is shown without its stack unless `debug`.
 */
export function reportError(error: unknown, debug: boolean): ErrorReport {
  const known = error instanceof TailraceError ? error : null;
  const lines = messageOf(error)
    .split('\n')
    .map((line) => `error: ${line}`);
  const isInternal = known === null || known.code === 'internal';
  const remedy =
    known?.remedy ??
    (isInternal && !debug
      ? 'This is a fault of tailrace. Run it again with --log-level debug and report what it prints.'
      : undefined);
  if (remedy !== undefined) lines.push(`fix: ${remedy}`);
  if (debug) lines.push(...stacks(error));
  return { text: `${lines.join('\n')}\n`, exitCode: known?.policy.exitCode ?? 1 };
}

function messageOf(error: unknown): string {
  if (error instanceof TailraceError && error.code !== 'internal') return error.message;
  const message = error instanceof Error ? error.message || error.name : String(error);
  return `internal: ${message}`;
}

/** The stack of the error and of its causes. */
function stacks(error: unknown): readonly string[] {
  const lines: string[] = [];
  for (let at: unknown = error; at instanceof Error && lines.length < 1000; at = at.cause) {
    lines.push(...(at.stack ?? at.message).split('\n').map((line) => `  ${line}`));
  }
  return lines;
}
