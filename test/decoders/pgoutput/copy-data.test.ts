import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DecodeError } from '../../../decoders/decode-error.ts';
import { CopyDataReader, encodeStandbyStatusUpdate } from '../../../decoders/pgoutput/copy-data.ts';
import { parseLsn } from '../../../decoders/pgoutput/lsn.ts';

/** 2024-02-29 12:00:00 UTC. */
const CLOCK_MICROS = Date.UTC(2024, 1, 29, 12) * 1000;
const CLOCK_HEX = (CLOCK_MICROS - Date.UTC(2000, 0, 1) * 1000).toString(16).padStart(16, '0');

test('a standby status update carries its LSNs unchanged, and the time since 2000', () => {
  const status = {
    written: parseLsn('16/B374D848'),
    flushed: parseLsn('16/B374D800'),
    applied: parseLsn('0/1'),
    clockMicros: CLOCK_MICROS,
  };
  const micros = (CLOCK_MICROS - Date.UTC(2000, 0, 1) * 1000).toString(16).padStart(16, '0');
  const expected = `64 00000026 72 00000016b374d848 00000016b374d800 0000000000000001 ${micros}`.replaceAll(' ', '');
  assert.equal(encodeStandbyStatusUpdate({ ...status, replyRequested: false }).toString('hex'), `${expected}00`);
  assert.equal(encodeStandbyStatusUpdate({ ...status, replyRequested: true }).toString('hex'), `${expected}01`);
});

test('every truncation of a keepalive or XLogData header, and a longer keepalive, is a DecodeError', () => {
  const reader = new CopyDataReader();
  const keepalive = Buffer.from(`6b 00000016b374d848 ${CLOCK_HEX} 01`.replaceAll(' ', ''), 'hex');
  const xlogData = Buffer.from(`77 00000016b374d848 00000016b374d849 ${CLOCK_HEX}`.replaceAll(' ', ''), 'hex');
  for (const whole of [keepalive, xlogData]) {
    const padded = Buffer.concat([whole, Buffer.alloc(8)]);
    for (let end = 0; end < whole.length; end++) assert.throws(() => reader.read(padded, 0, end), DecodeError);
  }
  assert.throws(() => reader.read(Buffer.concat([keepalive, Buffer.of(0)]), 0, keepalive.length + 1), DecodeError);
  reader.read(keepalive, 0, keepalive.length);
  assert.deepEqual([reader.kind, reader.walEnd, reader.replyRequested], ['keepalive', 0x16_b374_d848, true]);
  reader.read(xlogData, 0, xlogData.length);
  assert.deepEqual([reader.kind, reader.walStart, reader.walEnd], ['xlog-data', 0x16_b374_d848, 0x16_b374_d849]);
  assert.deepEqual([reader.payloadStart, reader.replyRequested], [25, false]);
});

test('an unknown kind of replication message is a DecodeError that names it', () => {
  assert.throws(() => new CopyDataReader().read(Buffer.from('70', 'hex'), 0, 1), /type 0x70/);
});
