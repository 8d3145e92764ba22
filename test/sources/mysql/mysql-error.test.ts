import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ErrorCode } from '../../../src/model/errors.ts';
import { mysqlError, quoteAccount } from '../../../src/sources/mysql/mysql-error.ts';

const context = { doing: 'read the binlog from binlog.000002:154', user: 'u', address: 'h:3306' };
const server = (errno: number, message: string, sqlState = 'HY000') =>
  mysqlError(Object.assign(new Error(message), { errno, sqlState, code: 'ER_SOME' }), context);

/** The words of servers since MySQL 5.7 and MariaDB 10.5. */
const DUMP_ERRORS: readonly (readonly [ErrorCode, string])[] = [
  ['source.position_lost', 'Could not find first log file name in binary log index file'],
  ['source.position_lost', 'Client requested source to start replication from position > file size'],
  ['source.position_lost', 'Client requested master to start replication from position > file size'],
  [
    'source.position_lost',
    "Client requested master to start replication from impossible position; the first event 'binlog.000001' at 9, the last event read from 'binlog.000001' at 4",
  ],
  [
    'source.position_lost',
    'The slave is connecting using CHANGE MASTER TO MASTER_AUTO_POSITION = 1, but the master has purged binary logs containing GTIDs that the slave requires.',
  ],
  [
    'source.position_lost',
    'Cannot replicate because the source purged required binary logs. Replicate the missing transactions from elsewhere, or provision a new replica from backup.',
  ],
  [
    'source.position_lost',
    "Slave has more GTIDs than the master has, using the master's SERVER_UUID. This may indicate that the end of the binary log was truncated",
  ],
  [
    'source.position_lost',
    'Could not find GTID state requested by slave in any binlog files. Probably the slave state is too old and required binlog files have been purged.',
  ],
  [
    'source.position_lost',
    "Error: connecting slave requested to start from GTID 0-1-5, which is not in the master's binlog",
  ],
  [
    'source.position_lost',
    "Error: connecting slave requested to start from GTID 0-1-5, which is not in the master's binlog. Since the master's binlog contains GTIDs with higher sequence numbers, it probably means that the slave has diverged due to executing extra erroneous transactions",
  ],
  [
    'source.position_lost',
    'The binlog on the master is missing the GTID 0-1-5 requested by the slave (even though a subsequent sequence number does exist), and GTID strict mode is enabled',
  ],
  ['source.position_lost', "bogus data in log event; the first event 'binlog.000001' at 200"],
  [
    'source.setting',
    'A slave with the same server_uuid/server_id as this slave has connected to the master; the first event',
  ],
  [
    'source.setting',
    'A replica with the same server_uuid/server_id as this replica has connected to the source; the first event',
  ],
  [
    'source.setting',
    'The replication sender thread cannot start in AUTO_POSITION mode: this server has GTID_MODE = OFF instead of ON.',
  ],
  ['source.setting', 'Binary log is not open'],
  ['source.setting', 'Misconfigured master - server_id was not set'],
  ['source.position_lost', 'event read from binlog did not pass crc check; the first event'],
  [
    'source.setting',
    'Cannot replicate anonymous transaction when AUTO_POSITION = 1, at file ./b.000003, position 198.',
  ],
  [
    'source.position_lost',
    'binlog truncated in the middle of event; consider out of disk space on master; the first event',
  ],
];

test('every way in which a server refuses a dump is told apart, with what to do', () => {
  for (const [code, message] of DUMP_ERRORS) {
    const error = server(1236, message);
    assert.equal(error.code, code, message);
    assert.ok(error.remedy !== undefined && error.message.includes(message), message);
    assert.equal(error.policy.action, 'fail');
  }
  assert.deepEqual([server(1236, 'something new').code, server(1236, 'something new').remedy], ['internal', undefined]);
});

test('what passes is tried again, what does not is not', () => {
  const actions: readonly (readonly [number, string, string])[] = [
    [1040, 'Too many connections', 'restart'],
    [1053, 'Server shutdown in progress', 'restart'],
    [1205, 'Lock wait timeout exceeded; try restarting transaction', 'restart'],
    [1927, 'Connection was killed', 'restart'],
    [4031, 'The client was disconnected by the server because of inactivity.', 'restart'],
    [1045, "Access denied for user 'u'@'h' (using password: YES)", 'fail'],
    [1142, "SELECT command denied to user 'u'@'h' for table 't'", 'fail'],
  ];
  for (const [errno, message, action] of actions) {
    assert.equal(server(errno, message).policy.action, action, message);
  }
});

test('a lacking privilege is told with the GRANT that gives it', () => {
  const remedy = (privileges: string) =>
    server(1227, `Access denied; you need (at least one of) the ${privileges} privilege(s) for this operation`).remedy;
  assert.equal(remedy('SUPER, REPLICATION CLIENT'), "GRANT REPLICATION CLIENT ON *.* TO 'u'@'%';");
  assert.equal(remedy('RELOAD or FLUSH_TABLES'), "GRANT RELOAD ON *.* TO 'u'@'%';");
  assert.equal(remedy('SUPER'), "GRANT SUPER ON *.* TO 'u'@'%';");
  assert.equal(quoteAccount("o'b"), "'o''b'@'%'");
});

test('a value that the server quotes in its message is left out', () => {
  const duplicate = server(1062, "Duplicate entry '4711-secret' for key 't.PRIMARY'", '23000');
  assert.match(duplicate.message, /: Duplicate entry \.\.\. \(error 1062\)$/);
  const wrong = server(1292, "Incorrect datetime value: 'it's 1999' for column 'at' at row 1", '22007');
  assert.doesNotMatch(wrong.message, /1999/);
});
