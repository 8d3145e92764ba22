import type { Meaning } from './mysql-error.ts';

const READ_AGAIN =
  'Start with snapshot.mode=when_needed to read the tables again, or with "tailrace offsets reset". Keep binlogs for longer than tailrace may be stopped: binlog_expire_logs_seconds.';
const FOREIGN =
  'The stored position does not belong to this server, or its binlog was reset. Check database.hostname; start with snapshot.mode=when_needed to read the tables again, or with "tailrace offsets reset".';

/**
 * Error 1236 says everything that can be wrong with a dump, by its English text alone (sql/rpl_binlog_sender.cc, and
 * errmsg of ER_SOURCE_HAS_PURGED_REQUIRED_GTIDS; MariaDB's sql/sql_repl.cc). MySQL said "master" and "slave" until 8.0.
 */
const REFUSALS: readonly { readonly text: RegExp; readonly meaning: Meaning }[] = [
  {
    // MySQL by @replica_uuid, MariaDB by server id: the older of two readers is ended.
    text: /with the same server_uuid\/server_id/i,
    meaning: {
      code: 'source.setting',
      remedy:
        'Another replica or connector reads this server with the same database.server.id, and the two would end each other in turn: give one of them another.',
    },
  },
  {
    text: /purged (the )?(required )?binary logs|purged required|have been purged|Could not find first log file name|state is too old/i,
    meaning: { code: 'source.position_lost', remedy: READ_AGAIN },
  },
  {
    text: /position > file size|impossible position|more GTIDs than the (source|master)|not in the (master|source)'s binlog|has diverged|missing the GTID|Could not find (target log|next log|GTID state)/i,
    meaning: { code: 'source.position_lost', remedy: FOREIGN },
  },
  {
    // The position lies inside of an event, whose bytes are then read as a header.
    text: /bogus data in log event|Found invalid event|exceeded max_allowed_packet/i,
    meaning: {
      code: 'source.position_lost',
      remedy: `Nothing was skipped. Either an event is longer than the server's max_allowed_packet (SET GLOBAL max_allowed_packet = 1073741824;), or no event begins at the stored position. ${FOREIGN}`,
    },
  },
  {
    text: /anonymous transaction when AUTO_POSITION/i,
    meaning: {
      code: 'source.setting',
      remedy:
        'GTIDs were given up for a while. Start the connector again: while gtid_mode is not ON it goes on by file and position. Where it is ON again, take "gtids" out of the stored offset with "tailrace offsets set".',
    },
  },
  {
    text: /GTID_MODE *= *OFF/i,
    meaning: {
      code: 'source.setting',
      remedy:
        'Turn GTIDs on again (enforce_gtid_consistency=ON, gtid_mode=ON), or start anew with "tailrace offsets reset".',
    },
  },
  {
    text: /Binary log is not open/i,
    meaning: { code: 'source.setting', remedy: 'Start the server with log-bin=binlog and server-id=1.' },
  },
  {
    text: /server[_ ]id/i,
    meaning: { code: 'source.setting', remedy: 'SET GLOBAL server_id = 1; and put server-id=1 into its options.' },
  },
  {
    text: /crc check|checksum|truncated in the middle|I\/O error|decrypt/i,
    meaning: {
      code: 'source.position_lost',
      remedy:
        "The server's binlog is damaged on its disk, or was reset while it was read. Nothing was skipped: start with snapshot.mode=when_needed to read the tables again.",
    },
  },
];

/** What the server means by refusing or ending a dump; null for a text that is not known. */
export function dumpRefusal(message: string): Meaning | null {
  return REFUSALS.find(({ text }) => text.test(message))?.meaning ?? null;
}
