import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from '../../src/observe/logger.ts';
import { Scrubber } from '../../src/observe/scrubber.ts';

test('secrets vanish as whole words, in JSON and URL spelling too; passwords of URLs vanish without being known', () => {
  const scrubber = new Scrubber();
  scrubber.add(['post', 'a"b/c', 'xy', 's3.c+t']);
  assert.equal(scrubber.scrub('postgres post: poster'), 'postgres ***: poster');
  assert.equal(scrubber.scrub(JSON.stringify({ password: 'a"b/c' })), '{"password":"***"}');
  assert.equal(scrubber.scrub('a%22b%2Fc xy s3.c+t s3xc+t'), '*** xy *** s3xc+t');
  assert.equal(
    scrubber.scrub('postgres://me:hunter2@db:5432/x and https://db/x:y@z'),
    'postgres://me:***@db:5432/x and https://db/x:y@z',
  );
});

function capture(isTTY: boolean, level = 'info') {
  const lines: string[] = [];
  const scrubber = new Scrubber();
  scrubber.add(['hunter2']);
  const target = { isTTY, write: (text: string) => lines.push(text) };
  return { lines, logger: createLogger({ level, target, scrubber, color: false }) };
}

test('the logger writes JSON into a pipe, without secrets in message, fields or errors', () => {
  const { lines, logger } = capture(false);
  logger.info({ url: 'postgres://u:pw@h/d', nested: { text: 'x hunter2 y' } }, 'connect with hunter2');
  logger.error({ err: new Error('hunter2 was refused') }, 'failed');
  logger.debug('not shown');
  assert.equal(lines.length, 2);
  const first = JSON.parse(lines[0]!);
  assert.deepEqual(
    { ...first, time: typeof first.time },
    {
      level: 'info',
      time: 'string',
      url: 'postgres://u:***@h/d',
      nested: { text: 'x *** y' },
      msg: 'connect with ***',
    },
  );
  assert.ok(!lines[1]!.includes('hunter2'));
  assert.equal(JSON.parse(lines[1]!).err.message, '*** was refused');
});

test('the logger writes one short line on a terminal', () => {
  const { lines, logger } = capture(true);
  logger.warn({ connector: 'shop', lag: { bytes: 5 } }, 'slow hunter2');
  assert.match(lines[0]!, /^\d\d:\d\d:\d\d\.\d{3} warn {2}slow \*\*\* {2}connector=shop lag={"bytes":5}\n$/);
});

test('an unknown level is refused', () => {
  assert.throws(() => capture(false, 'loud'), {
    code: 'config.invalid',
    message: "the log level 'loud' is not one of trace, debug, info, warn, error, fatal, silent",
  });
});
