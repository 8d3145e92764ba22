/** Every way tailrace can fail that an operator can act on. */
export type ErrorCode =
  | 'config.invalid'
  | 'config.unreadable'
  | 'source.connect'
  | 'source.authentication'
  | 'source.database_missing'
  | 'source.tls'
  | 'source.privilege'
  | 'source.setting'
  | 'source.version'
  | 'source.connection_lost'
  | 'source.slot_in_use'
  | 'source.slot_missing'
  | 'source.slot_invalidated'
  | 'source.position_lost'
  | 'source.identity_changed'
  | 'source.publication'
  | 'source.table'
  | 'source.table_changed'
  | 'source.type'
  | 'source.decode'
  | 'source.value'
  | 'source.snapshot'
  | 'log.open'
  | 'log.locked'
  | 'log.corrupt'
  | 'log.full'
  | 'log.fenced'
  | 'log.write'
  | 'log.topic_missing'
  | 'log.connect'
  | 'log.authentication'
  | 'log.tls'
  | 'log.privilege'
  | 'log.setting'
  | 'log.unavailable'
  | 'log.record_too_large'
  | 'converter.registry'
  | 'converter.registry_refused'
  | 'converter.schema'
  | 'http.listen'
  | 'internal';

/** What the engine does about an error: try the same again, restart the task from its checkpoint, or stop it. */
export type ErrorAction = 'retry' | 'restart' | 'fail';

export interface ErrorPolicy {
  readonly action: ErrorAction;
  /** Process exit code when it ends a command: 2 usage and configuration, 3 source, 4 log and converter, 1 anything else. */
  readonly exitCode: 1 | 2 | 3 | 4;
  readonly httpStatus: number;
}

/** The one table that says what follows from an error. */
export const ERROR_POLICY: Readonly<Record<ErrorCode, ErrorPolicy>> = {
  'config.invalid': { action: 'fail', exitCode: 2, httpStatus: 400 },
  'config.unreadable': { action: 'fail', exitCode: 2, httpStatus: 400 },
  'source.connect': { action: 'restart', exitCode: 3, httpStatus: 503 },
  'source.authentication': { action: 'fail', exitCode: 3, httpStatus: 500 },
  'source.database_missing': { action: 'fail', exitCode: 3, httpStatus: 500 },
  'source.tls': { action: 'fail', exitCode: 3, httpStatus: 500 },
  'source.privilege': { action: 'fail', exitCode: 3, httpStatus: 500 },
  'source.setting': { action: 'fail', exitCode: 3, httpStatus: 500 },
  'source.version': { action: 'fail', exitCode: 3, httpStatus: 500 },
  'source.connection_lost': { action: 'restart', exitCode: 3, httpStatus: 503 },
  'source.slot_in_use': { action: 'restart', exitCode: 3, httpStatus: 503 },
  'source.slot_missing': { action: 'fail', exitCode: 3, httpStatus: 500 },
  'source.slot_invalidated': { action: 'fail', exitCode: 3, httpStatus: 500 },
  'source.position_lost': { action: 'fail', exitCode: 3, httpStatus: 500 },
  'source.identity_changed': { action: 'fail', exitCode: 3, httpStatus: 500 },
  'source.publication': { action: 'fail', exitCode: 3, httpStatus: 500 },
  'source.table': { action: 'fail', exitCode: 3, httpStatus: 500 },
  'source.table_changed': { action: 'restart', exitCode: 3, httpStatus: 503 },
  'source.type': { action: 'fail', exitCode: 3, httpStatus: 500 },
  'source.decode': { action: 'fail', exitCode: 3, httpStatus: 500 },
  'source.value': { action: 'fail', exitCode: 3, httpStatus: 500 },
  'source.snapshot': { action: 'fail', exitCode: 3, httpStatus: 500 },
  'log.open': { action: 'fail', exitCode: 4, httpStatus: 500 },
  'log.locked': { action: 'fail', exitCode: 4, httpStatus: 500 },
  'log.corrupt': { action: 'fail', exitCode: 4, httpStatus: 500 },
  'log.full': { action: 'restart', exitCode: 4, httpStatus: 507 },
  'log.fenced': { action: 'fail', exitCode: 4, httpStatus: 409 },
  'log.write': { action: 'fail', exitCode: 4, httpStatus: 500 },
  'log.topic_missing': { action: 'fail', exitCode: 4, httpStatus: 404 },
  'log.connect': { action: 'restart', exitCode: 4, httpStatus: 503 },
  'log.authentication': { action: 'fail', exitCode: 4, httpStatus: 500 },
  'log.tls': { action: 'fail', exitCode: 4, httpStatus: 500 },
  'log.privilege': { action: 'fail', exitCode: 4, httpStatus: 500 },
  'log.setting': { action: 'fail', exitCode: 4, httpStatus: 500 },
  'log.unavailable': { action: 'restart', exitCode: 4, httpStatus: 503 },
  'log.record_too_large': { action: 'fail', exitCode: 4, httpStatus: 500 },
  'converter.registry': { action: 'restart', exitCode: 4, httpStatus: 503 },
  'converter.registry_refused': { action: 'fail', exitCode: 4, httpStatus: 500 },
  'converter.schema': { action: 'fail', exitCode: 4, httpStatus: 500 },
  'http.listen': { action: 'fail', exitCode: 2, httpStatus: 500 },
  internal: { action: 'fail', exitCode: 1, httpStatus: 500 },
};

export interface ErrorDetails {
  /** What the operator should do, one sentence; SQL or a config key where there is one. */
  readonly remedy?: string;
  readonly cause?: unknown;
}

/** An error with a code: `message` says what happened and where (LSN, table, file), `remedy` what to do. No secrets, no row values. */
export class TailraceError extends Error {
  override readonly name = 'TailraceError';
  readonly code: ErrorCode;
  readonly remedy: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.remedy = details.remedy;
  }

  get policy(): ErrorPolicy {
    return ERROR_POLICY[this.code];
  }
}
