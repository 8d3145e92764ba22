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
import type { Logger } from '../observe/logger.ts';
import { CommandFailure } from './command-failure.ts';
import type { CommandIo } from './command-io.ts';
import { commandLogger, type LogOptions } from './command-logger.ts';
import { checkLog, isLogCheck } from './log-check.ts';
import { chooseWorker, KAFKA_HELP, KAFKA_OPTION } from './worker-choice.ts';

const CONFIG_EXIT_CODE = 2;
const SOURCE_EXIT_CODE = 3;
const LOG_EXIT_CODE = 4;

interface ValidateOptions extends LogOptions {
  readonly kafka?: string;
  readonly offline?: boolean;
  readonly json?: boolean;
}

/** `tailrace validate`: what is wrong with a configuration, and whether the database would accept it. */
export function validateCommand(io: CommandIo): Command {
  return new Command('validate')
    .summary('check configurations, then ask the database')
    .description(
      'Checks every key of the configurations. When they are sound it connects and checks what a run would need: settings, privileges, publication, slot, replica identities, binlog; of Kafka the brokers, the login, topics and rights. Nothing is changed.',
    )
    .argument(
      '<config...>',
      'connector configurations (.json or .properties), with Connect’s worker.properties before them for Kafka',
    )
    .option(KAFKA_OPTION, KAFKA_HELP)
    .option('--offline', 'connect neither to the database nor to Kafka')
    .option('--json', 'one line of JSON for each configuration')
    .addHelpText(
      'after',
      '\nExample:\n  tailrace validate shop.json\n  tailrace validate worker.properties shop.json\n  tailrace validate --offline --json connectors/*.json',
    )
    .action((paths: readonly string[], options: ValidateOptions) => validate(paths, options, io));
}

interface Verdict {
  readonly check: ConfigCheck;
  readonly preflight: PreflightReport | null;
}

async function validate(files: readonly string[], options: ValidateOptions, io: CommandIo): Promise<void> {
  let exitCode = 0;
  const logger = commandLogger(options, io);
  const { worker, paths } = chooseWorker(files, options.kafka, io);
  for (const issue of worker?.warnings ?? []) await io.stderr.write(`warning: ${formatIssue(issue)}\n`);
  for (const path of paths) {
    const check = withLogFolder(checkConfigFile(path, io.env, worker));
    io.scrubber.add(check.secrets);
    const { connector } = check;
    const preflight = connector === null || options.offline === true ? null : await runPreflight(connector, logger);
    const verdict = { check, preflight };
    await io.stdout.write(io.scrubber.scrub(options.json === true ? jsonVerdict(verdict) : textVerdict(verdict)));
    if (check.errors.length > 0) exitCode ||= CONFIG_EXIT_CODE;
    const failed = preflight?.checks.find((one) => one.status === 'error');
    if (failed !== undefined) exitCode ||= isLogCheck(failed) ? LOG_EXIT_CODE : SOURCE_EXIT_CODE;
  }
  if (exitCode !== 0) throw new CommandFailure(exitCode);
}

/** A failure to connect at all is a check that failed, like any other. */
async function runPreflight(connector: LoadedConnector, logger: Logger): Promise<PreflightReport> {
  const { config } = connector;
  const { loadConnectorKind } = await import('../connector-kind.ts');
  const kind = await loadConnectorKind(config);
  const { checks: ofLog, stored } = await checkLog(connector, logger);
  try {
    const { checks } = await kind.preflight(stored);
    return { checks: [...ofLog, ...checks] };
  } catch (error) {
    if (!(error instanceof TailraceError)) throw error;
    const { message, remedy = null } = error;
    return { checks: [...ofLog, { name: 'connection', status: 'error', message, remedy }] };
  }
}

/** Adds an error when the log could not be made where the configuration wants it. */
function withLogFolder(check: ConfigCheck): ConfigCheck {
  if (check.connector === null || check.connector.kafka !== null) return check;
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
