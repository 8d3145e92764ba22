import type { ServerFamily } from '../../../../decoders/binlog/format-description.ts';
import type { TableMapColumn } from '../../../../decoders/binlog/table-map.ts';

/**
 * How the bytes of a value come. The schema of a column does not depend on it, and equal values in either form give
 * equal results.
 *
 * `text`: MySQL's text protocol with `character_set_results=NULL`, so that text is in its column's character set;
 * numbers are ASCII, BIT, geometry and VECTOR are raw, a FLOAT column is selected as a DOUBLE (`col + 0e0`), the session's
 * time zone is UTC, MariaDB's UUID and INET are text. ENUM and SET are their labels.
 *
 * `binlog`: a value of a rows event, `column` being its table map's. A JSON document that was put together from diffs is
 * {@link JSON_TEXT_MARK} and the server's text in UTF-8.
 */
export type ValueForm =
  | { readonly kind: 'text' }
  | { readonly kind: 'binlog'; readonly column: TableMapColumn; readonly family: ServerFamily };

/** First byte of a JSON value that is text; no binary JSON begins with it. */
export const JSON_TEXT_MARK = 0xff;
