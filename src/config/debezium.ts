import { type ConfigOf, REQUIRED, type UnsupportedKey } from './config-def.ts';
import { choice, flag, integer, keyFamily, list, regexList, structured, text } from './properties.ts';
import {
  HASH_KEY,
  MASK_KEY,
  parseHash,
  parseKeyColumns,
  parseMask,
  parseSelectOverride,
  parseTruncate,
  SELECT_OVERRIDE_KEY,
  TRUNCATE_KEY,
} from './table-settings.ts';

/** What Kafka allows in a topic name. */
function checkTopicText(value: string): string | null {
  return /^[a-zA-Z0-9._-]*$/.test(value) ? null : 'may only hold letters, digits, dot, dash and underscore';
}

const ADJUSTMENT_MODES = ['none', 'avro', 'avro_unicode'] as const;

/** What Debezium's relational connectors have in common. */
export const debeziumDef = {
  'topic.prefix': text(REQUIRED, {
    importance: 'high',
    aliases: ['database.server.name'],
    check: checkTopicText,
    doc: 'First part of every topic name, and what the stored offset is found by. A connector with another prefix starts anew.',
  }),
  'table.include.list': regexList({
    importance: 'high',
    aliases: ['table.whitelist'],
    doc: 'Tables to capture: comma-separated regular expressions that match the whole `schema.table`, or `database.table`. All, when it is not set.',
  }),
  'table.exclude.list': regexList({
    importance: 'medium',
    aliases: ['table.blacklist'],
    doc: 'Tables to leave out. Not together with `table.include.list`.',
  }),
  'column.include.list': regexList({
    importance: 'medium',
    aliases: ['column.whitelist'],
    doc: 'Columns that values hold, matched as `schema.table.column` or `database.table.column`. Keys hold the primary key in any case.',
  }),
  'column.exclude.list': regexList({
    importance: 'medium',
    aliases: ['column.blacklist'],
    doc: 'Columns that values do not hold, matched as `schema.table.column`. Not together with `column.include.list`.',
  }),
  'column.mask.with.<n>.chars': keyFamily(MASK_KEY, parseMask, {
    importance: 'medium',
    doc: 'Columns (regular expressions over `schema.table.column`) whose strings become n asterisks.',
  }),
  'column.mask.hash.<algorithm>.with.salt.<salt>': keyFamily(HASH_KEY, parseHash, {
    importance: 'medium',
    secret: true,
    doc: 'Columns whose strings become a hash in hexadecimal. With `hash.v2.` the bytes of the text are hashed, otherwise its form in Java serialization.',
  }),
  'column.truncate.to.<n>.chars': keyFamily(TRUNCATE_KEY, parseTruncate, {
    importance: 'medium',
    doc: 'Columns whose strings are cut after n characters.',
  }),
  'column.propagate.source.type': regexList({
    doc: 'Columns whose schema tells the type, length and scale of the column in the database.',
  }),
  'datatype.propagate.source.type': regexList({
    doc: 'Types, matched as `schema.type` or `type`, whose columns tell their type, length and scale in the schema.',
  }),
  'message.key.columns': structured(parseKeyColumns, {
    importance: 'medium',
    doc: 'Columns to use as the key in place of the primary key: `schema.table:column,column;other.table:column`, the table being a regular expression.',
  }),
  'decimal.handling.mode': choice(['precise', 'double', 'string'], 'precise', {
    importance: 'medium',
    doc: 'How numeric and decimal values appear: exact as bytes with a scale, as a double, which may lose digits, or as text.',
  }),
  'binary.handling.mode': choice(['bytes', 'base64', 'base64-url-safe', 'hex'], 'bytes', {
    doc: 'How binary values appear: as bytes (Base64 in JSON), or as a string in one of the encodings.',
  }),
  'tombstones.on.delete': flag(true, {
    importance: 'medium',
    doc: 'Whether a delete is followed by a record with the same key and no value, so that a compacted topic forgets the row.',
  }),
  'skipped.operations': list(['t'], {
    allowed: ['c', 'u', 'd', 't', 'none'],
    doc: 'Operations that give no record: c create, u update, d delete, t truncate. `none` skips nothing.',
  }),
  'skip.messages.without.change': flag(false, {
    doc: 'Whether updates that change no captured column are left out. It needs the old row: REPLICA IDENTITY FULL, or binlog_row_image FULL.',
  }),
  'provide.transaction.metadata': flag(false, {
    doc: 'Whether records name their transaction, and a topic tells where transactions begin and end.',
  }),
  'extended.headers.enabled': flag(true, {
    doc: 'Whether records carry the `__debezium.context.*` headers.',
  }),
  'unavailable.value.placeholder': text('__debezium_unavailable_value', {
    doc: 'What stands for a value that an update did not touch and the database did not send: a large (TOASTed) one, or a column that the row image leaves out. `hex:` before it gives bytes.',
  }),
  'topic.delimiter': text('.', {
    check: (value) => (value === '' ? 'must be at least one character' : checkTopicText(value)),
    doc: 'What stands between the parts of a topic name.',
  }),
  'topic.transaction': text('transaction', {
    check: checkTopicText,
    doc: 'Last part of the transaction metadata topic’s name, after the prefix.',
  }),
  'topic.heartbeat.prefix': text('__debezium-heartbeat', {
    check: checkTopicText,
    doc: 'First part of the heartbeat topic’s name, before the prefix.',
  }),
  'topic.heartbeat.name': text(null, {
    check: checkTopicText,
    doc: 'Whole name of the heartbeat topic, in place of the one made of its parts.',
  }),
  'schema.name.adjustment.mode': choice(ADJUSTMENT_MODES, 'none', {
    doc: 'How schema names are made legal for Avro: not at all, with underscores, or with code points.',
  }),
  'field.name.adjustment.mode': choice(ADJUSTMENT_MODES, 'none', {
    doc: 'How field names are made legal for Avro: not at all, with underscores, or with code points.',
  }),
  'heartbeat.interval.ms': integer(0, {
    importance: 'medium',
    doc: 'Milliseconds between heartbeat records; 0 sends none. An idle connector moves on without them.',
  }),
  'heartbeat.action.query': text(null, {
    doc: 'SQL to run at each heartbeat, for instance a write into a table of its own.',
  }),
  'snapshot.include.collection.list': regexList({
    importance: 'medium',
    doc: 'Captured tables whose rows the snapshot reads, matched as `schema.table`. All captured ones, when it is not set.',
  }),
  'snapshot.select.statement.overrides': list([], {
    importance: 'medium',
    doc: 'Tables (`schema.table`, comma-separated) that the snapshot reads by a SELECT of their own, which a key of the same name and `.schema.table` holds.',
  }),
  'snapshot.select.statement.overrides.<schema.table>': keyFamily(SELECT_OVERRIDE_KEY, parseSelectOverride, {
    importance: 'medium',
    doc: 'The SELECT by which the snapshot reads a table.',
  }),
  'snapshot.max.threads': integer(1, {
    min: 1,
    max: 64,
    importance: 'medium',
    doc: 'Tables that the snapshot reads at the same time, each over a connection of its own.',
  }),
  'errors.max.retries': integer(-1, {
    min: -1,
    doc: 'Restarts of a task after a failure that may pass, in a row and without progress; -1 goes on for ever, 0 gives up at once.',
  }),
  'retriable.restart.connector.wait.ms': integer(10_000, {
    doc: 'Longest wait in milliseconds before such a restart. The first ones come sooner.',
  }),
} as const;

export type DebeziumConfig = ConfigOf<typeof debeziumDef>;

const ONE_QUEUE = 'memory is bounded in bytes, by tailrace.batch.bytes';
const NO_SIGNALS = 'this version takes no signals and has no incremental snapshots';

/** Keys of Debezium's relational connectors that mean nothing here, or that this version does not have. */
export const debeziumUnsupported: readonly UnsupportedKey[] = [
  { key: 'max.batch.size', effect: 'ignored', reason: ONE_QUEUE },
  { key: 'max.queue.size', effect: 'ignored', reason: ONE_QUEUE },
  { key: 'max.queue.size.in.bytes', effect: 'ignored', reason: ONE_QUEUE, inert: ['0'] },
  { key: 'queue.provider.*', effect: 'ignored', reason: ONE_QUEUE },
  { key: 'poll.interval.ms', effect: 'quiet', reason: 'changes are delivered as they come' },
  { key: 'poll.dispatch.interval.ms', effect: 'quiet', reason: 'changes are delivered as they come' },
  { key: 'query.fetch.size', effect: 'quiet', reason: 'rows are streamed' },
  { key: 'topic.cache.size', effect: 'quiet', reason: 'topic names are kept per table' },
  {
    key: 'event.processing.failure.handling.mode',
    effect: 'ignored',
    reason: 'a change that cannot be delivered always stops the task, so that none is lost',
    inert: ['fail'],
  },
  {
    key: 'event.converting.failure.handling.mode',
    effect: 'ignored',
    reason: 'a value that cannot be converted always stops the task, so that none becomes null',
    inert: ['fail'],
  },
  { key: 'custom.retriable.exception', effect: 'ignored', reason: 'which failures are tried again is fixed' },
  { key: 'signal.data.collection', effect: 'refused', reason: NO_SIGNALS },
  { key: 'signal.kafka.*', effect: 'refused', reason: NO_SIGNALS },
  { key: 'signal.file', effect: 'refused', reason: NO_SIGNALS },
  { key: 'signal.enabled.channels', effect: 'refused', reason: NO_SIGNALS, inert: ['source'] },
  { key: 'signal.*', effect: 'ignored', reason: NO_SIGNALS },
  { key: 'incremental.snapshot.*', effect: 'ignored', reason: NO_SIGNALS },
  { key: 'read.only', effect: 'quiet', reason: 'tailrace writes no watermarks into the database' },
  { key: 'notification.enabled.channels', effect: 'refused', reason: 'this version sends no notifications' },
  { key: 'notification.*', effect: 'ignored', reason: 'this version sends no notifications' },
  {
    key: 'converters',
    effect: 'refused',
    reason: 'custom converters are Java classes, and without them the values would differ',
  },
  {
    key: 'post.processors',
    effect: 'refused',
    reason: 'this version has no post-processors, and without them the values would differ',
  },
  { key: 'post.processors.*', effect: 'quiet', reason: 'the key post.processors decides' },
  { key: 'snapshot.query.mode', effect: 'refused', reason: 'rows are read with select_all', inert: ['select_all'] },
  {
    key: 'snapshot.tables.order.by.row.count',
    effect: 'ignored',
    reason: 'tables are read by name',
    inert: ['disabled'],
  },
  { key: 'snapshot.delay.ms', effect: 'ignored', reason: 'the snapshot begins at once', inert: ['0'] },
  { key: 'streaming.delay.ms', effect: 'ignored', reason: 'streaming begins at once', inert: ['0'] },
  { key: 'snapshot.max.threads.multiplier', effect: 'quiet', reason: 'threads take a whole table each' },
  { key: 'legacy.snapshot.max.threads', effect: 'quiet', reason: 'threads take a whole table each' },
  { key: 'custom.metric.tags', effect: 'ignored', reason: 'metrics have the labels context, name and plugin' },
  { key: 'advanced.metrics.enable', effect: 'quiet', reason: 'metrics are always whole' },
  { key: 'statistics.metrics.enabled', effect: 'quiet', reason: 'metrics are always whole' },
  { key: 'table.ignore.builtin', effect: 'ignored', reason: 'system tables are never captured', inert: ['true'] },
  { key: 'log.position.check.enable', effect: 'quiet', reason: 'the position is always checked', inert: ['true'] },
  { key: 'executor.shutdown.timeout.ms', effect: 'quiet', reason: 'a task stops after the append in flight' },
  { key: 'connection.validation.timeout.ms', effect: 'quiet', reason: 'it is a limit of Connect’s REST API' },
  { key: 'guardrail.*', effect: 'ignored', reason: 'the number of tables is not limited' },
  { key: 'offset.activity.monitor.*', effect: 'quiet', reason: 'see /lag' },
  { key: 'openlineage.*', effect: 'ignored', reason: 'this version sends no lineage' },
  { key: 'sanitize.field.names', effect: 'refused', reason: 'use field.name.adjustment.mode=avro', inert: ['false'] },
];
