// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders of config providers look so
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parseConnectionUrl } from '../../src/config/connection-url.ts';
import { parseJavaProperties } from '../../src/config/java-properties.ts';
import { checkConfigFile, formatIssue, loadConnector, readConfigFile } from '../../src/config/load.ts';

const folder = mkdtempSync(join(tmpdir(), 'tailrace-config-'));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function failure(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof Error);
    return error.message.replaceAll(folder, '');
  }
  return assert.fail('nothing was thrown');
}

test('text that is not JSON is named with line and column', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['{\n  "a": "b",\n}', "/a.json:3:1: not JSON: a key in double quotes is expected, not '}'"],
    ['{\n  "a": "b"\n  "c": 1\n}', "/a.json:3:3: not JSON: ',' or '}' is expected, not '\"'"],
    ['{"a": "b"', "/a.json:1:10: not JSON: ',' or '}' is expected, not the end of the file"],
    ['{"a": b}', "/a.json:1:7: not JSON: a value is expected, not 'b'"],
    ["{'a': 1}", "/a.json:1:2: not JSON: a key in double quotes is expected, not '''"],
    ['{"a": "b\n"}', "/a.json:1:7: not JSON: a string is not closed with '\"'"],
    ['{"a" "b"}', "/a.json:1:6: not JSON: ':' is expected after the key 'a', not '\"'"],
    ['{"a": "1",\n "a": "2"}', "/a.json:2:2: not JSON: the key 'a' stands here a second time"],
    ['{"a": 1} x', "/a.json:1:10: not JSON: nothing may follow the value, but 'x' does"],
    ['', '/a.json:1:1: not JSON: a value is expected, not the end of the file'],
    ['{"a": "\\x"}', '/a.json:1:7: not JSON: a string holds a character or an escape that JSON does not have'],
    ['["a"]', '/a.json: a JSON object is expected'],
    ['{"a": ["b"]}', '/a.json:1: a must be a string, a number or a boolean'],
  ];
  for (const [text, message] of cases)
    assert.equal(
      failure(() => readConfigFile(file('a.json', text))),
      message,
    );
  assert.match(
    failure(() => readConfigFile(file('a.json', '['.repeat(100_000)))),
    /nested more than 32 levels deep/,
  );
});

test('a file that cannot be read says why', () => {
  assert.equal(
    failure(() => loadConnector(join(folder, 'none.json'), {})),
    'there is no file /none.json',
  );
  assert.equal(
    failure(() => loadConnector(folder, {})),
    ' is a folder, not a file',
  );
  const secret = file('secret.json', '{}');
  chmodSync(secret, 0);
  if (process.getuid?.() !== 0) {
    assert.equal(
      failure(() => loadConnector(secret, {})),
      'no permission to read /secret.json',
    );
  }
});

test('loadConnector fails with one line for every problem, each with its place', () => {
  const path = file(
    'bad.json',
    '{"name": "x",\n"config": {\n"connector.class": "PostgresConnector",\n"database.hostname": "h", "database.user": "u",\n"database.dbname": "d", "topic.prefix": "p",\n"database.port": "x",\n"decimal.handling.mode": "exact"}}',
  );
  assert.equal(
    failure(() => loadConnector(path, {})),
    "/bad.json:6: database.port 'x' is not a whole number between 1 and 65535\n/bad.json:7: decimal.handling.mode 'exact' is not one of precise, double, string",
  );
});

test('Java properties: separators, escapes, continuation, comments', () => {
  const text =
    '\ufeff# c\n ! c\na=1\r\nb : 2\nc 3\nd\\ e\\=f = x\\ty\\u00e4\\\\\nlong = a,\\\n   b,\\\r\n\tc\nempty=\nalone\na=last\n\\#x=1\nw = a\\zb \nv=1\\\\\nu=2';
  assert.deepEqual(
    [...parseJavaProperties(text)].map(([key, { value, line }]) => [key, value, line]),
    [
      ['a', 'last', 12],
      ['b', '2', 4],
      ['c', '3', 5],
      ['d e=f', 'x\tyä\\', 6],
      ['long', 'a,b,c', 7],
      ['empty', '', 10],
      ['alone', '', 11],
      ['#x', '1', 13],
      ['w', 'azb ', 14],
      ['v', '1\\', 15],
      ['u', '2', 16],
    ],
  );
  assert.equal(
    failure(() => readConfigFile(file('a.properties', 'a=1\nb=\\u12'))),
    "/a.properties:2: '\\u' must be followed by four hexadecimal digits",
  );
});

test('config providers resolve files, folders and the environment', () => {
  const properties = file('pg.properties', 'password=p=w\nuser=u');
  file('dbname', 'shop');
  const path = file(
    'p.json',
    JSON.stringify({
      name: 'x',
      'connector.class': 'PostgresConnector',
      'database.hostname': '${env:HOST}.${env:DOMAIN}',
      'database.user': `\${file:${properties}:user}`,
      'database.password': `\${vault:${properties}:password}`,
      'database.dbname': `\${dir:${folder}:dbname}`,
      'topic.prefix': 'p',
      'config.providers': 'vault',
      'config.providers.vault.class': 'org.apache.kafka.common.config.provider.FileConfigProvider',
    }),
  );
  const { config, raw, secrets } = loadConnector(path, { HOST: 'db', DOMAIN: 'example.com' });
  assert.equal(config['database.hostname'], 'db.example.com');
  assert.equal(config['database.user'], 'u');
  assert.equal(config['database.password'], 'p=w');
  assert.equal(raw['database.dbname'], 'shop');
  assert.deepEqual(secrets, ['p=w']);
  assert.equal(readConfigFile(path).raw['database.password'], `\${vault:${properties}:password}`);
});

test('a placeholder that cannot be resolved says what is missing', () => {
  const message = (value: string): string => {
    const path = file('q.json', JSON.stringify({ name: value }));
    const issue = checkConfigFile(path, {}).errors.find((one) => one.key === 'name');
    return formatIssue(issue!).replaceAll(folder, '');
  };
  assert.equal(message('${env:NOPE}'), '/q.json:1: name holds ${env:NOPE}: the environment variable NOPE is not set');
  assert.equal(
    message('${secrets:ns/s:k}'),
    "/q.json:1: name holds ${secrets:ns/s:k}: there is no config provider 'secrets'; file, dir and env are",
  );
  assert.equal(message('${file:/none:k}'), '/q.json:1: name holds ${file:/none:k}: there is no file /none');
  const other = file('o.properties', 'a=1');
  assert.equal(
    message(`\${file:${other}:b}`),
    "/q.json:1: name holds ${file:/o.properties:b}: the file has no key 'b'",
  );
  assert.equal(message('${dir:/etc:../x}'), "/q.json:1: name holds ${dir:/etc:../x}: '../x' is not a file name");
});

test('a connection URL becomes database keys, the rest as psql takes it', () => {
  assert.deepEqual(parseConnectionUrl('postgres://u%40x:p%2Fw@db.example.com:6432/shop?sslmode=require', {}), {
    'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    'database.hostname': 'db.example.com',
    'database.port': '6432',
    'database.user': 'u@x',
    'database.password': 'p/w',
    'database.dbname': 'shop',
    'database.sslmode': 'require',
  });
  assert.deepEqual(
    parseConnectionUrl('postgresql:///', {
      PGHOST: 'h',
      PGPORT: '1',
      PGUSER: 'me',
      PGPASSWORD: 'x',
      PGSSLMODE: 'disable',
    }),
    {
      'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
      'database.hostname': 'h',
      'database.port': '1',
      'database.user': 'me',
      'database.password': 'x',
      'database.dbname': 'me',
      'database.sslmode': 'disable',
    },
  );
  assert.equal(parseConnectionUrl('postgres://u@[::1]:80/d', {})['database.hostname'], '::1');
  assert.equal(parseConnectionUrl('postgres://u@[::1]:80/d', {})['database.port'], '80');
  assert.equal(
    parseConnectionUrl('postgres://u@/d?host=/run/pg'.replace('u@', ''), {})['database.hostname'],
    '/run/pg',
  );
});

test('a MySQL URL becomes database keys, the rest as mysql takes it; without a database all are read', () => {
  const url = 'mysql://u%40x:p%2Fw@db.example.com:3307/sh.op?ssl-mode=VERIFY_CA&ssl-ca=/ca.pem';
  assert.deepEqual(parseConnectionUrl(url, {}), {
    'connector.class': 'io.debezium.connector.mysql.MySqlConnector',
    'database.hostname': 'db.example.com',
    'database.port': '3307',
    'database.user': 'u@x',
    'database.password': 'p/w',
    'database.include.list': 'sh\\.op',
    'database.ssl.mode': 'VERIFY_CA',
    'database.ssl.truststore': '/ca.pem',
  });
  assert.deepEqual(parseConnectionUrl('mariadb:///', { MYSQL_HOST: 'h', MYSQL_TCP_PORT: '1', MYSQL_PWD: 'x' }), {
    'connector.class': 'io.debezium.connector.mariadb.MariaDbConnector',
    'database.hostname': 'h',
    'database.port': '1',
    'database.user': userInfo().username,
    'database.password': 'x',
  });
});

test('a connection URL that cannot be used is named without its password', () => {
  for (const [url, message] of [
    [
      'oracle://u:hunter2@h/d',
      "the connection URL has the scheme 'oracle'; this version reads postgres://, mysql:// and mariadb://",
    ],
    [
      'mysql://u:hunter2@h/d?sslmode=require',
      /^the connection URL has the parameter 'sslmode', which is not known; ssl-mode/,
    ],
    ['localhost/d', 'the connection URL has no scheme'],
    ['postgres://u:hunter2@h:port/d', /^the connection URL cannot be read; characters such as '@'/],
    ['postgres://u:%zz@h/d', "the connection URL holds a '%' that is not followed by two hexadecimal digits"],
    ['postgres://u:hunter2@h/d?sslmod=require', /^the connection URL has the parameter 'sslmod', which is not known/],
  ] as const) {
    assert.throws(() => parseConnectionUrl(url, {}), { name: 'TailraceError', code: 'config.invalid', message });
  }
});
