import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Charset, charsetOfCollation } from '../../../../decoders/binlog/value/collation.ts';
import { textParser } from '../../../../decoders/binlog/value/text.ts';
import { DecodeError } from '../../../../decoders/decode-error.ts';
import { inside } from './inside.ts';

test('a collation id tells its character set, of both servers', () => {
  const charsets: [number, Charset | null][] = [
    [8, 'latin1'],
    [33, 'utf8mb3'],
    [45, 'utf8mb4'],
    [63, 'binary'],
    [255, 'utf8mb4'],
    [323, 'utf8mb4'],
    [248, 'gb18030'],
    [1032, 'latin1'],
    [1300, null],
    [1248, 'utf8mb4'],
    [2048, 'utf8mb3'],
    [2304, 'utf8mb4'],
    [2560, 'ucs2'],
    [3271, 'utf32'],
    [3400, null],
    [0, null],
    [324, null],
  ];
  for (const [id, charset] of charsets) assert.equal(charsetOfCollation(id), charset, String(id));
});

test('text of every kind of character set is read', () => {
  const texts: [Charset, hex: string, text: string][] = [
    ['utf8mb4', 'f09f9880e282ac41', '😀€A'],
    ['utf8mb4', 'efbfbd', '\ufffd'],
    ['utf8mb4', 'efbbbf41', '\ufeffA'],
    ['utf8mb3', 'c3a9', 'é'],
    ['latin1', '80e9ff818d', '€éÿ\u0081\u008d'],
    ['latin2', 'b1', 'ą'],
    ['cp1251', 'cff098', 'Пр?'],
    ['swe7', '5b7c', 'Äö'],
    ['ascii', '4180', 'A?'],
    ['ucs2', '20ac0041', '€A'],
    ['utf16', 'd83dde000041', '😀A'],
    ['utf16le', '3dd800de4100', '😀A'],
    ['utf32', '0001f60000000041', '😀A'],
    ['gbk', 'c4e3bac341', '你好A'],
    ['gb2312', 'c4e3', '你'],
    ['gb18030', 'c4e38130813041', '你\u0080A'],
    ['gb18030', '9439fc36', '😀'],
    ['gb18030', 'a2e3c480', '€膧'],
    ['gb18030', '8431a53041', '?A'],
    ['big5', 'a741a66e', '你好'],
    ['sjis', '93fa967bb1', '日本ｱ'],
    ['sjis', '815f', '\\'],
    ['cp932', '815f8740', '＼①'],
    ['ujis', 'c6fccbdc8eb1', '日本ｱ'],
    ['ujis', '8fb0a1', '丂'],
    ['eucjpms', 'ada1', '①'],
    ['euckr', 'b0a18141', '가갂'],
    ['latin1', '', ''],
    ['gbk', '', ''],
  ];
  for (const [charset, hex, text] of texts) assert.equal(inside(hex, textParser(charset)), text, `${charset} ${hex}`);
});

test('what is no text in its character set is an error, also where it breaks off', () => {
  const broken: [Charset, string][] = [
    ['utf8mb4', '80'],
    ['utf8mb4', 'c3'],
    ['utf8mb4', 'c080'],
    ['utf8mb4', 'e08080'],
    ['utf8mb4', 'f4908080'],
    ['utf8mb4', 'f09f98'],
    ['ucs2', '00'],
    ['utf16', 'd83d'],
    ['utf16', 'de00d83d'],
    ['utf16le', '3d'],
    ['utf16le', '3dd8'],
    ['utf32', '00110000'],
    ['utf32', '000000'],
    ['gbk', 'c4'],
    ['gbk', 'c420'],
    ['big5', '80'],
    ['sjis', '93'],
    ['ujis', '8fb0'],
    ['ujis', '8f41a1'],
    ['gb18030', '813081'],
    ['gb18030', 'ff'],
    ['gb18030', '80'],
    ['gb18030', '8130ff30'],
  ];
  for (const [charset, hex] of broken) {
    assert.throws(() => inside(hex, textParser(charset)), DecodeError, `${charset} ${hex}`);
  }
});
