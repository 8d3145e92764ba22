/**
 * What every session that reads values must set, the walsender's too: each decides how the server prints a type, and
 * the parsers know one form only. `lc_monetary` is not among them, because the meaning of a stored sum depends on it.
 */
export const SESSION_SETTINGS: Readonly<Record<string, string>> = {
  client_encoding: 'UTF8',
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  bytea_output: 'hex',
  /** The shortest digits that read back as the same float: from Postgres 12 on anything above 0, before it 3. */
  extra_float_digits: '3',
  /** Defaults come as SQL literals; this is how their quotes and backslashes are to be read. */
  standard_conforming_strings: 'on',
};
