import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RowDataPacket } from 'mysql2/promise';
import { type Charset, charsetOfCollation } from '../../../../decoders/binlog/value/collation.ts';
import { textParser } from '../../../../decoders/binlog/value/text.ts';
import { DecodeError } from '../../../../decoders/decode-error.ts';
import { type MysqlFamily, useSchema, whyNoMysql } from '../../../services/shared-mysql.ts';

const MULTI_BYTE: readonly Charset[] = [
  'big5',
  'cp932',
  'eucjpms',
  'euckr',
  'gb2312',
  'gbk',
  'sjis',
  'ujis',
  'gb18030',
];

function hexOf(...bytes: number[]): string {
  return Buffer.from(bytes).toString('hex');
}

/** All single bytes and pairs, and of the longer sequences those that a character set may have. */
function sequences(): string[] {
  const result = Array.from({ length: 256 }, (_, byte) => hexOf(byte));
  for (let lead = 0x80; lead < 0x100; lead++) {
    for (let trail = 0x30; trail < 0x100; trail++) {
      result.push(hexOf(lead, trail));
      if (lead >= 0xa0 && trail >= 0xa0) result.push(hexOf(0x8f, lead, trail));
    }
  }
  for (let lead = 0x81; lead < 0xff; lead++) {
    for (let third = 0x81; third < 0xff; third += 5)
      result.push(hexOf(lead, 0x30 + (third % 10), third, 0x30 + (lead % 10)));
  }
  return result;
}

function textOrError(parse: (bytes: Buffer, start: number, end: number) => string, value: Buffer): string {
  try {
    return parse(value, 0, value.length);
  } catch (error) {
    if (error instanceof DecodeError) return '?';
    throw error;
  }
}

for (const family of ['mysql', 'mariadb'] satisfies MysqlFamily[]) {
  const skip = await whyNoMysql(family);

  test(`every collation of ${family} has its character set`, { skip }, async (t) => {
    const { client } = await useSchema(family, t);
    const [rows] = await client.query<RowDataPacket[]>(
      family === 'mysql'
        ? 'SELECT ID AS id, CHARACTER_SET_NAME AS charset FROM information_schema.COLLATIONS'
        : 'SELECT ID AS id, CHARACTER_SET_NAME AS charset FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY',
    );
    assert.ok(rows.length > 200);
    for (const { id, charset } of rows) assert.equal(charsetOfCollation(Number(id)), charset, `collation ${id}`);
  });

  test(`every character that ${family} stores is read as it reads it`, { skip }, async (t) => {
    const { client } = await useSchema(family, t);
    await client.query("SET sql_mode = ''");
    await client.query('CREATE TABLE sequences (id INT PRIMARY KEY, bytes VARBINARY(4))');
    const all = sequences();
    for (let i = 0; i < all.length; i += 5000) {
      const values = all.slice(i, i + 5000).map((hex, k) => `(${i + k}, x'${hex}')`);
      await client.query(`INSERT INTO sequences VALUES ${values.join()}`);
    }
    const [charsets] = await client.query<RowDataPacket[]>(
      'SELECT CHARACTER_SET_NAME AS name, MAXLEN AS longest FROM information_schema.CHARACTER_SETS',
    );
    for (const { name, longest } of charsets) {
      const charset = name as Charset;
      const isMultiByte = MULTI_BYTE.includes(charset);
      if (!isMultiByte && longest > 1) continue;
      if (charset === 'binary') continue;
      // What goes into a column and comes out as it was is text of the character set; the rest the server does not store.
      await client.query(`CREATE TABLE texts (id INT PRIMARY KEY, v VARCHAR(4) CHARACTER SET ${charset} NOT NULL)`);
      const most = isMultiByte ? 4 : 1;
      await client.query(`INSERT IGNORE INTO texts SELECT id, bytes FROM sequences WHERE LENGTH(bytes) <= ${most}`);
      const [rows] = await client.query<RowDataPacket[]>(
        `SELECT HEX(s.bytes) AS bytes, HEX(v) AS kept, HEX(CONVERT(v USING utf16)) AS text
         FROM texts JOIN sequences s USING (id)`,
      );
      const parse = textParser(charset);
      let characters = 0;
      for (const { bytes, kept, text } of rows) {
        const value = Buffer.from(bytes, 'hex');
        if (kept !== bytes) {
          // What the server does not let in is an error, or a character without Unicode; never another text.
          if (isMultiByte) assert.match(textOrError(parse, value), /\?/, `${charset} ${bytes}`);
          continue;
        }
        characters++;
        // 8e a0 of ujis and eucjpms means nothing: two question marks to MySQL and one to us.
        const utf16: string = /ujis|eucjpms/.test(charset) && bytes === '8EA0' ? '003F' : text;
        const expected = Buffer.from(utf16, 'hex').swap16().toString('utf16le');
        assert.doesNotThrow(() => parse(value, 0, value.length), `${charset} ${bytes} is ${text}`);
        assert.equal(parse(value, 0, value.length), expected, `${charset} ${bytes}`);
      }
      assert.ok(characters >= (isMultiByte ? 5000 : 128), `${charset}: ${characters} characters`);
      await client.query('DROP TABLE texts');
    }
  });
}
