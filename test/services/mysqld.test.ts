import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import mysql, { type RowDataPacket } from 'mysql2/promise';
import { startMariadb } from './mariadb.ts';
import { whyNoMysql } from './shared-mysql.ts';

// One family stands for both: the process is handled by the same code, and this one starts faster.
test('a killed server keeps what was committed, a restarted one its settings, a disposed one nothing', {
  skip: await whyNoMysql('mariadb'),
}, async () => {
  const server = await startMariadb({ settings: { 'binlog-row-image': 'MINIMAL' } });
  const query = async (sql: string): Promise<RowDataPacket[]> => {
    const client = await mysql.createConnection(server.url);
    try {
      const [rows] = await client.query<RowDataPacket[]>(sql);
      return rows;
    } finally {
      await client.end();
    }
  };
  try {
    await query('CREATE DATABASE kept');
    await query('CREATE TABLE kept.t (id INT PRIMARY KEY)');
    await query('INSERT INTO kept.t VALUES (1)');
    await server.kill();
    await server.restart({ 'binlog-checksum': 'NONE' });
    assert.deepEqual(await query('SELECT id FROM kept.t'), [{ id: 1 }]);
    assert.deepEqual(await query('SELECT @@binlog_row_image AS image, @@binlog_checksum AS checksum'), [
      { image: 'MINIMAL', checksum: 'NONE' },
    ]);
  } finally {
    await server[Symbol.asyncDispose]();
  }
  assert.ok(!existsSync(server.dataDir));
  await assert.rejects(query('SELECT 1'));
});
