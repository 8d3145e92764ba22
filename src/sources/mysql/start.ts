import type { CapturedTables, TableName } from '../../../decoders/binlog/ddl/statement.ts';
import type { ServerFamily } from '../../../decoders/binlog/format-description.ts';
import type { PreparedTransaction } from '../../../decoders/binlog/prepared-transaction.ts';
import { type MysqlConfig, serverFamily } from '../../config/mysql.ts';
import type { SourceOffset } from '../../model/log.ts';
import type { StateReader } from '../../model/plugin.ts';
import type { Logger } from '../../observe/logger.ts';
import { readCommittedState } from './committed-state.ts';
import { readFileBegin } from './file-begin.ts';
import { type Position, parseOffset } from './offset.ts';
import { PreparedState } from './prepared-state.ts';
import { recover } from './schema/recover.ts';
import { SchemaModel } from './schema/schema-model.ts';
import { type CatalogTable, readTables } from './schema/show-create.ts';
import type { ServerState } from './server-state.ts';
import type { Session } from './session.ts';
import { isFileKnown, planStart, type StartPlan } from './start-check.ts';
import { createTableFilter } from './table-filter.ts';

export interface StartInput {
  readonly config: MysqlConfig;
  readonly session: Session;
  readonly state: StateReader;
  readonly from: SourceOffset | null;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  readonly signal: AbortSignal;
}

export interface Start {
  readonly family: ServerFamily;
  readonly server: ServerState;
  readonly stored: Position | null;
  readonly plan: StartPlan;
  readonly captured: CapturedTables;
  /** The tables at the stored position; empty before a snapshot. */
  readonly model: SchemaModel;
  readonly preparedState: PreparedState;
  readonly prepared: ReadonlyMap<string, PreparedTransaction>;
  readonly capturesSource: ((source: string) => boolean) | null;
}

/** Everything before the first row: the server's state, what earlier runs have left, and the decision what is to be done. */
export async function prepareStart(input: StartInput): Promise<Start> {
  const { config, session, state, from, logger, signal } = input;
  const family = serverFamily(config);
  const stored = from === null ? null : parseOffset(from);
  const server = await readCommittedState({ session, family, stored, signal });
  const captured = createTableFilter(config);
  const model = new SchemaModel({
    family,
    lowerCaseTableNames: server.lowerCaseTableNames,
    comments: config['include.schema.comments'],
    explicitDefaultsForTimestamp: server.explicitDefaultsForTimestamp,
  });
  const capturesSource = sourceFilter(config);
  const hasHistory =
    stored !== null && stored.snapshot !== 'unfinished' && (await recoverSchema(input, model, captured));
  const fileBegan =
    stored !== null && isFileKnown(stored, server)
      ? await readFileBegin({ config, family, file: stored.file }, signal)
      : null;
  const mode = config['snapshot.mode'];
  const plan = planStart({ stored, server, family, mode, hasHistory, capturesSource, fileBegan });
  if (plan.reason !== null) {
    logger.warn({ code: plan.reason.code }, `${plan.reason.message}; reading the tables again`);
  }
  const preparedState = new PreparedState(config['topic.prefix']);
  const prepared = await preparedState.load(state, { stored: from, family });
  return { family, server, stored, plan, captured, model, preparedState, prepared, capturesSource };
}

/** Fills the model with the tables as they were at the offset. False: there is no history. */
async function recoverSchema(
  { config, session, state, from }: StartInput,
  model: SchemaModel,
  captured: CapturedTables,
): Promise<boolean> {
  const { records, unknown } = await recover({
    reader: state,
    topic: config['schema.history.internal.kafka.topic'],
    source: { server: config['topic.prefix'] },
    upTo: from!,
    capturesSource: sourceFilter(config),
    model,
  });
  const missing = unknown.filter(({ database, name }) => captured.hasTable(database, name));
  if (missing.length > 0) {
    for (const { schema } of await readCatalog(session, missing, model)) model.set(schema);
  }
  return records > 0;
}

/** Tables as the catalog has them now. */
export function readCatalog(
  session: Session,
  names: readonly TableName[],
  { options }: SchemaModel,
): Promise<readonly CatalogTable[]> {
  return session.run('read table definitions', (client) => readTables(client, names, options));
}

/** Which servers' transactions are read, by UUID or MariaDB's `domain-server`; null: all. */
export function sourceFilter(config: MysqlConfig): ((source: string) => boolean) | null {
  const { 'gtid.source.includes': includes, 'gtid.source.excludes': excludes } = config;
  if (includes !== null) return (source) => includes.matches(source);
  if (excludes !== null) return (source) => !excludes.matches(source);
  return null;
}
