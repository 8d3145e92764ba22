import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RenderedRecord, renderRecord } from '../../src/cli/render-change.ts';

const SOURCE = {
  db: 'shop',
  schema: 'public',
  table: 'orders',
  txId: 750,
  lsn: 0x1_0000_0010,
  ts_ms: 0,
  snapshot: 'false',
};

interface Options extends Pick<RenderedRecord, 'oldColumns'> {
  readonly color?: boolean;
  readonly width?: number;
}

function render(value: unknown, key: unknown = { id: 1 }, options: Options = {}): string {
  const { color = false, width = 80, oldColumns = null } = options;
  const bytes = (one: unknown) =>
    one === null ? null : Buffer.from(typeof one === 'string' ? one : JSON.stringify(one));
  const record = { topic: 'app.public.orders', key: bytes(key), value: bytes(value), headers: [], oldColumns };
  return renderRecord(record, { color, width });
}

const HEAD = 'public.orders id=1  tx 750  lsn 1/10  00:00:00.000';

test('an update shows the columns that changed, old and new, integers exactly', () => {
  const value = `{"before":{"id":1,"status":"new","total":9007199254740993,"note":"x"},"after":{"id":1,"status":"paid","total":9007199254740994,"note":"x"},"source":${JSON.stringify(SOURCE)},"op":"u"}`;
  assert.equal(
    render(value),
    `update ${HEAD}\n    status  "new" → "paid"\n    total   9007199254740993 → 9007199254740994\n`,
  );
});

test('an update without its old row shows the new one, and says what the database did not send', () => {
  const after = { id: 1, status: 'paid', note: null, big: '__debezium_unavailable_value' };
  assert.equal(
    render({ before: null, after, source: SOURCE, op: 'u' }),
    `update ${HEAD}\n    status  "paid"\n    note    null\n    big     (unchanged, not sent)\n`,
  );
});

test('of an old row that is known by its key alone nothing else is shown', () => {
  const before = { id: 1, code: 'a', quantity: 0, note: '' };
  const oldColumns = new Set(['id', 'code']);
  assert.equal(
    render({ before, after: null, source: SOURCE, op: 'd' }, { id: 1, code: 'a' }, { oldColumns }),
    `delete ${HEAD.replace('id=1', 'id=1 code="a"')}\n`,
  );
  // A column of the old row that the topic's key does not hold.
  assert.equal(
    render({ before, after: null, source: SOURCE, op: 'd' }, { id: 1 }, { oldColumns }),
    `delete ${HEAD}\n    code  "a"\n`,
  );
  const after = { id: 1, code: 'b', quantity: 0, note: 'x' };
  assert.equal(
    render({ before, after, source: SOURCE, op: 'u' }, { id: 1 }, { oldColumns }),
    `update ${HEAD}\n    code      "b"\n    quantity  0\n    note      "x"\n`,
  );
});

test('an update that changes nothing captured says so', () => {
  const row = { id: 1, a: [1, { b: 2 }] };
  assert.equal(
    render({ before: row, after: row, source: SOURCE, op: 'u' }),
    `update ${HEAD}\n    (no captured column changed)\n`,
  );
});

test('delete, snapshot read, truncate and message', () => {
  assert.equal(render({ before: { id: 1, a: 2 }, after: null, source: SOURCE, op: 'd' }), `delete ${HEAD}\n    a  2\n`);
  assert.equal(
    render({ before: null, after: { id: 1 }, source: { ...SOURCE, snapshot: 'last' }, op: 'r' }),
    'read   public.orders id=1  snapshot  tx 750  lsn 1/10  00:00:00.000\n',
  );
  assert.equal(render({ source: SOURCE, op: 't' }, null), 'truncate public.orders  tx 750  lsn 1/10  00:00:00.000\n');
  assert.equal(
    render(
      { source: { ...SOURCE, schema: '', table: '' }, op: 'm', message: { prefix: 'p', content: 'aGk=' } },
      { prefix: 'p' },
    ),
    'message  prefix="p"  tx 750  lsn 1/10  00:00:00.000\n    prefix   "p"\n    content  "aGk="\n',
  );
});

test('values with their schema are unwrapped, tombstones say nothing, other records are shown as they are', () => {
  const payload = { before: null, after: { id: 1, a: 1 }, source: SOURCE, op: 'c' };
  assert.equal(render({ schema: {}, payload }, { schema: {}, payload: { id: 1 } }), `insert ${HEAD}\n    a  1\n`);
  assert.equal(render(null), '');
  assert.equal(render('not json', 'k'), 'app.public.orders k\n    not json\n');
});

test('no line is wider than the terminal by more than the least room of a value, and nothing steers it', () => {
  const after = { id: 1, 'na\x1b[2Jme': 'v\x1b]0;title\x07\x9b31m' };
  const text = render({ before: null, after, source: { ...SOURCE, table: 'or\x1b[2Jders' }, op: 'c' });
  assert.doesNotMatch(text.replaceAll('\n', ''), /\p{Cc}/u);
  const long = {
    before: { id: 1, a: 'x'.repeat(500) },
    after: { id: 1, a: '😀'.repeat(500) },
    source: SOURCE,
    op: 'u',
  };
  const [, line] = render(long, { id: 1 }, { width: 60 }).split('\n');
  assert.ok([...line!].length <= 60, line);
  assert.match(line!, /^ {4}a {2}"x+… → "(😀)+…$/u);
});

test('colours only when asked for', () => {
  const value = { before: { id: 1, a: 1 }, after: { id: 1, a: 2 }, source: SOURCE, op: 'u' };
  const colored = render(value, { id: 1 }, { color: true });
  assert.ok(colored.includes('\x1b[31m1\x1b[39m') && colored.includes('\x1b[32m2\x1b[39m'));
  assert.ok(!render(value).includes('\x1b'));
});
