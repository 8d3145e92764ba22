import { accessSync, constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { Command } from 'commander';
import { isPostgresConfig } from '../config/connector.ts';
import {
  type ConfigCheck,
  checkConfigFile,
  formatIssue,
  type LoadedConnector,
  type LocatedIssue,
} from '../config/load.ts';
import { TailraceError } from '../model/errors.ts';
import type { PreflightReport } from '../model/preflight.ts';
import { CommandFailure } from './command-failure.ts';
import type { CommandIo } from './command-io.ts';
import { checkLog } from './log-check.ts';

const CONFIG_EXIT_CODE = 2;
const SOURCE_EXIT_CODE = 3;
const LOG_EXIT_CODE = 4;

interface ValidateOptions {
  readonly offline?: boolean;
  readonly json?: boolean;
}

/** `tailrace validate`: what is wrong with a configuration, and whether the database would accept it. */
export function validateCommand(io: CommandIo): Command {
  return new Command('validate')
    .summary('check configurations, then ask the database')
    .description(
      'Checks every key of the configurations. When they are sound it connects and checks what a run would need: settings, privileges, publication, slot, replica identities, binlog.',
    )
    .argument('<config...>', 'connector configurations (.json or .properties)')
    .option('--offline', 'do not connect to the database')
    .option('--json', 'one line of JSON for each configuration')
    .addHelpText(
      'after',
      '\nExample:\n  tailrace validate shop.json\n  tailrace validate --offline --json connectors/*.json',
    )
    .action((paths: readonly string[], options: ValidateOptions) => validate(paths, options, io));
}

interface Verdict {
  readonly check: ConfigCheck;
  readonly preflight: PreflightReport | null;
}

async function validate(paths: readonly string[], options: ValidateOptions, io: CommandIo): Promise<void> {
  let exitCode = 0;
  for (const path of paths) {
    const check = withLogFolder(checkConfigFile(path, io.env));
    io.scrubber.add(check.secrets);
    const { connector } = check;
    const preflight = connector === null || options.offline === true ? null : await runPreflight(connector);
    const verdict = { check, preflight };
    await io.stdout.write(io.scrubber.scrub(options.json === true ? jsonVerdict(verdict) : textVerdict(verdict)));
    if (check.errors.length > 0) exitCode ||= CONFIG_EXIT_CODE;
    const failed = preflight?.checks.find((one) => one.status === 'error');
    if (failed !== undefined) exitCode ||= failed.name === 'log' ? LOG_EXIT_CODE : SOURCE_EXIT_CODE;
  }
  if (exitCode !== 0) throw new CommandFailure(exitCode);
}

/** A failure to connect at all is a check that failed, like any other. */
async function runPreflight({ config }: LoadedConnector): Promise<PreflightReport> {
  const { loadConnectorKind } = await import('../connector-kind.ts');
  const kind = await loadConnectorKind(config);
  const { check, stored } = await checkLog(config);
  try {
    const { checks } = await kind.preflight(stored);
    return { checks: [check, ...checks] };
  } catch (error) {
    if (!(error instanceof TailraceError)) throw error;
    const { message, remedy = null } = error;
    return { checks: [check, { name: 'connection', status: 'error', message, remedy }] };
  }
}

/** Adds an error when the log could not be made where the configuration wants it. */
function withLogFolder(check: ConfigCheck): ConfigCheck {
  if (check.connector === null) return check;
  const folder = dirname(check.connector.config['tailrace.log.path']);
  const complaint = folderComplaint(folder);
  if (complaint === null) return check;
  const issue: LocatedIssue = { path: check.path, line: null, key: 'tailrace.log.path', message: complaint };
  return { ...check, connector: null, errors: [issue] };
}

function folderComplaint(folder: string): string | null {
  if (!existsSync(folder)) return `is in the folder ${folder}, which does not exist`;
  try {
    accessSync(folder, constants.W_OK);
    return null;
  } catch {
    return `is in the folder ${folder}, which cannot be written to`;
  }
}

const MARKS = { ok: 'ok', warning: 'warning', error: 'error' } as const;

function textVerdict({ check, preflight }: Verdict): string {
  const lines = [
    ...check.errors.map((issue) => `error: ${formatIssue(issue)}`),
    ...check.warnings.map((issue) => `warning: ${formatIssue(issue)}`),
  ];
  if (check.errors.length === 0) {
    const { config } = check.connector!;
    const from = isPostgresConfig(config)
      ? `database ${config['database.dbname']}`
      : `server ${config['database.hostname']}`;
    lines.push(`ok: ${check.path}: connector ${config.name}, ${from}${preflight === null ? ', not connected' : ''}`);
  }
  for (const { status, name, message, remedy } of preflight?.checks ?? []) {
    lines.push(`${MARKS[status]}: ${name}: ${message}`);
    if (remedy !== null && status !== 'ok') lines.push(`fix: ${remedy}`);
  }
  return `${lines.join('\n')}\n`;
}

function jsonVerdict({ check, preflight }: Verdict): string {
  const { path, errors, warnings, connector } = check;
  return `${JSON.stringify({ path, connector: connector?.config.name ?? null, errors, warnings, checks: preflight?.checks ?? null })}\n`;
}
