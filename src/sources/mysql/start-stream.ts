import { mayTouch } from '../../../decoders/binlog/ddl/statement.ts';
import type { MysqlConfig } from '../../config/mysql.ts';
import { TailraceError } from '../../model/errors.ts';
import type { Logger } from '../../observe/logger.ts';
import { openDump } from './binlog-dump.ts';
import { BinlogStream } from './binlog-stream.ts';
import { errorContext } from './connection.ts';
import { explainDecoding } from './explain.ts';
import { formatOffset } from './offset.ts';
import { SchemaKeeper } from './schema-keeper.ts';
import type { Session } from './session.ts';
import { readCatalog, type Start } from './start.ts';
import type { StreamStart } from './start-check.ts';

export interface StreamInput {
  readonly config: MysqlConfig;
  readonly session: Session;
  readonly start: Start;
  readonly from: StreamStart;
  readonly clock: () => number;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
}

/** Starts reading the binlog where `from` says. What the server refuses comes with the first batch. */
export function startStream({ config, session, start, from, clock, logger }: StreamInput): BinlogStream {
  const { family, server, model, captured, preparedState, prepared, capturesSource, stored } = start;
  const keeper = new SchemaKeeper({
    config,
    model,
    captured,
    readTables: (names) => readCatalog(session, names, model),
    clock,
    logger,
  });
  const stream = new BinlogStream({
    reducer: {
      family,
      position: from,
      hasGtids: server.hasGtids,
      executed: from.executed,
      tableOf: (map) => keeper.target(map),
      mayTouch: (statement) => mayTouch(statement, captured),
      capturesSource: config['gtid.source.filter.dml.events'] ? capturesSource : null,
      skippedOperations: new Set(config['skipped.operations']),
      boundaries: config['provide.transaction.metadata'],
      keepsQuery: config['include.query'],
      prepared,
      onUnknownXa: (xid, place) => {
        const message = `XA COMMIT of ${xid} at ${place}, but its PREPARE lies before the position at which reading began`;
        // Debezium has delivered such rows at their PREPARE.
        if (stored !== null && stored.serverUuid === null) {
          logger.warn({ xid }, `${message}; Debezium, which wrote that position, has delivered its rows already`);
          return;
        }
        throw new TailraceError('source.position_lost', `${message}: its rows are not known`, {
          remedy:
            'Read the tables again: remove the offset with "tailrace offsets reset"; a snapshot looks for what is prepared (MySQL: GRANT XA_RECOVER_ADMIN). Where nothing of it was captured, set the offset behind that place with "tailrace offsets set".',
        });
      },
    },
    carryOut: (statement, position) => {
      const { commitTimeMicros, serverId } = statement.tx;
      const timestampSeconds = Math.floor(commitTimeMicros / 1_000_000);
      return keeper.carryOut(
        statement,
        formatOffset({ ...position, timestampSeconds, serverId, serverUuid: server.uuid }),
      );
    },
    recordPrepared: (change) => preparedState.record(change),
    batchBytes: config['tailrace.batch.bytes'],
    explain: (error, place) => explainDecoding(error, errorContext(config, `read the binlog at ${place}`), 'internal'),
  });
  stream.start(
    openDump({
      config,
      family,
      from: from.dump,
      annotateRows: config['include.query'],
      place: () => stream.place,
      onPacket: (bytes, begin, end) => stream.onPacket(bytes, begin, end),
      onError: (error) => stream.onError(error),
    }),
  );
  return stream;
}
