/** What a source would meet if it were started now. */
export interface PreflightReport {
  readonly checks: readonly PreflightCheck[];
}

export interface PreflightCheck {
  /** What was looked at: `wal_level`, `publication`, a table. */
  readonly name: string;
  readonly status: 'ok' | 'warning' | 'error';
  /** What was found, one line. */
  readonly message: string;
  /** The SQL or setting that mends it; null when there is nothing to mend. */
  readonly remedy: string | null;
}
