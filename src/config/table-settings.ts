import { getHashes } from 'node:crypto';
import { ConfigValueError } from './config-def.ts';
import { compileJavaRegex } from './java-regex.ts';
import { parseRegexList, type RegexList } from './regex-list.ts';

/** One entry of `message.key.columns`: the key of the tables that match is made of these columns. */
export interface KeyColumns {
  /** Matches `schema.table`. */
  readonly tables: RegExp;
  readonly columns: readonly string[];
}

/** `schema.table:column,column;regex:column`. */
export function parseKeyColumns(text: string): readonly KeyColumns[] {
  return text
    .split(';')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .map((entry) => {
      const match = /^([^\s:]+):([^:\s]+)$/.exec(entry.replace(/\s*([,:])\s*/g, '$1'));
      const columns = match?.[2]?.split(',').filter((column) => column !== '') ?? [];
      if (match === null || columns.length === 0) {
        throw new ConfigValueError(`holds '${entry}', which is not of the form schema.table:column,column`);
      }
      return { tables: compileJavaRegex(match[1]!), columns };
    });
}

/** One entry of `replica.identity.autoset.values`. */
export interface IdentitySetting {
  /** Matches `schema.table`. */
  readonly tables: RegExp;
  readonly identity: 'DEFAULT' | 'FULL' | 'NOTHING' | 'INDEX';
  /** The index of `INDEX name`, else null. */
  readonly index: string | null;
}

/** `schema.table:FULL,regex:DEFAULT,schema.other:INDEX name`. */
export function parseIdentitySettings(text: string): readonly IdentitySetting[] {
  return text
    .split(/(?<!\\),/)
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .map((entry) => {
      const match = /^(.+):\s*(?:(DEFAULT|FULL|NOTHING)|INDEX\s+(\S+))$/i.exec(entry);
      if (match === null) {
        throw new ConfigValueError(
          `holds '${entry}', which is not of the form schema.table:IDENTITY with DEFAULT, FULL, NOTHING or INDEX name`,
        );
      }
      const identity = (match[2]?.toUpperCase() ?? 'INDEX') as IdentitySetting['identity'];
      return { tables: compileJavaRegex(match[1]!.trim()), identity, index: match[3] ?? null };
    });
}

/** One of the `column.mask...` and `column.truncate...` keys: what happens to the strings of the columns that match. */
export interface ColumnRule {
  /** Matches `schema.table.column`. */
  readonly columns: RegexList;
  readonly transform:
    | { readonly kind: 'mask'; readonly text: string }
    | { readonly kind: 'hash'; readonly algorithm: string; readonly salt: string; readonly version: 1 | 2 }
    | { readonly kind: 'truncate'; readonly length: number };
}

export const MASK_KEY = /^column\.mask\.with\.(\d+)\.chars$/;
export const HASH_KEY = /^column\.mask\.hash\.(v2\.)?([^.]+)\.with\.salt\.(?<secret>.+)$/;
export const TRUNCATE_KEY = /^column\.truncate\.to\.(\d+)\.chars$/;

/** A mask longer than this is a slip; Kafka's default limit for a whole record is 1 MiB. */
const MAX_CHARS = 1_000_000;

export function parseMask(match: RegExpExecArray, text: string): ColumnRule {
  return { columns: parseRegexList(text), transform: { kind: 'mask', text: '*'.repeat(charCount(match)) } };
}

export function parseTruncate(match: RegExpExecArray, text: string): ColumnRule {
  return { columns: parseRegexList(text), transform: { kind: 'truncate', length: charCount(match) } };
}

export function parseHash(match: RegExpExecArray, text: string): ColumnRule {
  const algorithm = match[2]!;
  // OpenSSL writes sha256 and sha512-256 where Java writes SHA-256 and SHA-512/256.
  const opensslName = algorithm
    .toLowerCase()
    .replace(/^sha-(?=1$|2|3|5)/, 'sha')
    .replace('/', '-');
  if (!getHashes().includes(opensslName)) {
    throw new ConfigValueError(`asks for the hash algorithm '${algorithm}', which is not known; SHA-256 is`);
  }
  const version = match[1] === undefined ? 1 : 2;
  return { columns: parseRegexList(text), transform: { kind: 'hash', algorithm, salt: match[3]!, version } };
}

function charCount(match: RegExpExecArray): number {
  const count = Number(match[1]);
  if (count > MAX_CHARS)
    throw new ConfigValueError(`asks for ${match[1]} characters; at most ${MAX_CHARS} are possible`);
  return count;
}

/** One `snapshot.select.statement.overrides.<schema.table>` key. */
export interface SelectOverride {
  /** `schema.table`, as written. */
  readonly table: string;
  readonly select: string;
}

export const SELECT_OVERRIDE_KEY = /^snapshot\.select\.statement\.overrides\.(.+)$/;

export function parseSelectOverride(match: RegExpExecArray, text: string): SelectOverride {
  if (!/^\s*(?:select|with|table|values)\b/i.test(text)) throw new ConfigValueError('is not a SELECT statement');
  return { table: match[1]!, select: text.trim().replace(/;\s*$/, '') };
}
