import type Database from 'better-sqlite3';
import { corrupt } from './log-error.ts';
import { rowCrc } from './open.ts';

/** How far a consumer group has come in one partition. */
export interface GroupOffset {
  readonly topic: string;
  readonly partition: number;
  /** Log offset of the next record to read. */
  readonly offset: number;
}

interface GroupRow extends GroupOffset {
  readonly updatedMs: number;
  readonly crc: number;
}

export function writeGroupOffsets(
  db: Database.Database,
  group: string,
  offsets: readonly GroupOffset[],
  nowMs: number,
): void {
  const upsert = db.prepare(
    'INSERT OR REPLACE INTO group_offset (group_name, topic, partition, next_offset, updated_ms, crc) VALUES (?, ?, ?, ?, ?, ?)',
  );
  db.transaction(() => {
    for (const { topic, partition, offset } of offsets) {
      upsert.run(group, topic, partition, offset, nowMs, rowCrc(group, topic, partition, offset, nowMs));
    }
  }).immediate();
}

export function readGroupOffsets(db: Database.Database, path: string, group: string): readonly GroupOffset[] {
  const rows = db
    .prepare<[string], GroupRow>(
      'SELECT topic, partition, next_offset AS offset, updated_ms AS updatedMs, crc FROM group_offset WHERE group_name = ? ORDER BY topic, partition',
    )
    .all(group);
  return rows.map(({ topic, partition, offset, updatedMs, crc }) => {
    if (crc !== rowCrc(group, topic, partition, offset, updatedMs)) {
      throw corrupt(path, `a log offset of group ${group} fails its check sum`);
    }
    return { topic, partition, offset };
  });
}

export function readGroups(db: Database.Database): readonly string[] {
  return db.prepare<[], string>('SELECT DISTINCT group_name FROM group_offset ORDER BY group_name').pluck().all();
}

/** Throws `log.corrupt` unless every row is as it was written: a damaged key would hide one. */
export function checkGroupOffsets(db: Database.Database, path: string): void {
  for (const group of readGroups(db)) readGroupOffsets(db, path, group);
}
