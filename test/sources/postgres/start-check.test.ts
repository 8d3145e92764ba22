import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TailraceError } from '../../../src/model/errors.ts';
import { formatStreamOffset, parseOffset } from '../../../src/sources/postgres/offset.ts';
import type { SlotState } from '../../../src/sources/postgres/slot.ts';
import { planStart } from '../../../src/sources/postgres/start-check.ts';
import { configFor } from './source-run.ts';

test('a standby that has not replayed the stored position yet is waited for, also with when_needed', () => {
  const config = configFor('postgres://u:p@h:5432/d', { 'snapshot.mode': 'when_needed' });
  const identity = { systemId: '1', timeline: 1 };
  const moved = {
    skip: null,
    messageLsn: null,
    last: null,
    seen: null,
    previousEndLsn: 100,
    lastCommitTimeMicros: null,
  };
  const stored = parseOffset(formatStreamOffset({ endLsn: 100, ...moved, server: identity }));
  const slot: SlotState = {
    plugin: 'pgoutput',
    database: 'd',
    logical: true,
    temporary: false,
    twoPhase: false,
    activePid: null,
    restartLsn: 50,
    confirmedFlushLsn: 90,
    walStatus: 'reserved',
    invalidationReason: null,
  };
  const plan = (isStandby: boolean) =>
    planStart({ stored, slot, server: { ...identity, walEndLsn: 99, isStandby }, divergence: null }, config);
  assert.throws(
    () => plan(true),
    (error: TailraceError) => error.policy.action === 'restart' && /standby that has replayed/.test(error.message),
  );
  assert.equal(plan(false).reason?.code, 'source.position_lost');
});
