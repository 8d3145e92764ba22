import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { classifyStatement } from '../../../../decoders/binlog/ddl/classify.ts';
import { dialectOf } from '../../../../decoders/binlog/ddl/tokens.ts';
import { formatHistoryRecord, parseHistoryRecord } from '../../../../src/sources/mysql/schema/history-record.ts';
import { SchemaModel } from '../../../../src/sources/mysql/schema/schema-model.ts';
import type { MysqlFamily } from '../../../services/shared-mysql.ts';

/** A line of fixtures/schema-history: a statement, and what Debezium's parser records of it. */
interface Recorded {
  readonly database: string;
  readonly ddl: string;
  readonly records: readonly object[];
}

function recorded(family: MysqlFamily): readonly Recorded[] {
  return readFileSync(new URL(`../../../../fixtures/schema-history/${family}.jsonl`, import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Recorded);
}

type Differences = readonly (readonly [statement: RegExp, because: string])[];

/** Statements of which our records say something else, and what: Debezium's is not what the server does. */
const DIFFERENT: Differences = [
  [/default 'it''s'\)$|default 'a\\'b'\)$/, 'quotes in a default are unescaped'],
  [/varchar\(3\) charset binary/, 'text in the set `binary` is no text'],
  [/default (?:x'4142'|0x4142)/, 'a default in hexadecimal is its text'],
  [/default 0b101/, 'a default in bits is its bits'],
  [/enum\('a','b'\) binary/, 'an ENUM BINARY has labels'],
  [/\(c int unique key\)/, 'a key may not be NULL'],
  [/cv2 CONVERT/, 'TEXT grows with its characters'],
  [/`x y` RENAME TO a5/, 'a rename tells the old name'],
];
const DIFFERENT_BY_FAMILY: Readonly<Record<MysqlFamily, Differences>> = {
  mysql: [
    [/default "a'b"/, 'quotes in a default are not doubled'],
    [/\(c varchar\(4\) ascii|char\(2\) (?:unicode|byte)/, 'ASCII, UNICODE and BYTE are character sets'],
  ],
  mariadb: [
    [/default _utf8mb4'abc'/, 'a default is without its introducer'],
    [/enum\('a\\\\b'/, 'labels are in single quotes'],
    [/enum\('x'\) collate latin1_bin/, 'a collation names the set of an ENUM, too'],
    [/default localtime/, 'LOCALTIME is NOW'],
    [/\(c json/, 'JSON is LONGTEXT, as the server shows it'],
    [/ADD COLUMN \(x1 int not null/, 'the second column of a list is not NOT NULL'],
    [/default 'in a comment'/, 'the server reads executable comments'],
  ],
};

for (const family of ['mysql', 'mariadb'] as const) {
  const different = [...DIFFERENT, ...DIFFERENT_BY_FAMILY[family]];

  test(`${family}: records of DDL are those of Debezium, but where it is wrong about the server`, () => {
    const model = new SchemaModel({
      family,
      lowerCaseTableNames: 0,
      comments: false,
      explicitDefaultsForTimestamp: true,
    });
    model.serverCharset = 'utf8mb4';
    const dialect = dialectOf(family, 0n);
    const met = new Set<string>();
    for (const { database, ddl, records } of recorded(family)) {
      const statement = classifyStatement(ddl, dialect, database);
      const { events, unknown } = model.apply(statement, { ddl, defaultDatabase: database, dialect, status: null });
      assert.deepEqual(unknown, [], ddl);
      const ours = events.map((event) => {
        const record = { source: { server: 'app' }, position: { file: 'binlog.000001' }, timestampMs: 0 };
        const changes = event.change === null ? [] : [event.change];
        const text = formatHistoryRecord({ ...record, database: event.database, ddl: event.ddl, changes }).toString();
        // An attribute of ours, which Debezium keeps.
        return text.replace('[{"name":"tailrace.key_is_unique","value":"true"}]', '[]');
      });
      const theirs = records.map((record) => JSON.stringify(record));
      const [, because] = different.find(([pattern]) => pattern.test(ddl)) ?? [];
      if (because === undefined) assert.deepEqual(ours, theirs, ddl);
      else {
        assert.notDeepEqual(ours, theirs, `${because}, no difference any more: ${ddl}`);
        met.add(because);
      }
    }
    assert.deepEqual(
      different.map(([, because]) => because).filter((because) => !met.has(because)),
      [],
    );
  });

  test(`${family}: Debezium's records are read and written as they are`, () => {
    for (const { records } of recorded(family)) {
      for (const record of records) {
        const text = JSON.stringify(record);
        // Double quotes around a label are the one thing that is not kept.
        if (text.includes('"\\"q\\""')) continue;
        assert.equal(formatHistoryRecord(parseHistoryRecord(Buffer.from(text))).toString(), text);
      }
    }
  });
}
