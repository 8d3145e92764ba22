import { stripVTControlCharacters } from 'node:util';

/** Lines with aligned columns; numbers to the right. The first row is the head. */
export function textTable(rows: readonly (readonly string[])[]): string {
  const width = (text: string): number => [...stripVTControlCharacters(text)].length;
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => width(row[column]!))));
  const isNumeric = rows[0]!.map((_, column) =>
    rows.slice(1).every((row) => /^(?:-|[\d.,]+(?: [kMGTP]?i?B| ms)?)$/.test(row[column]!)),
  );
  const lines = rows.map((row) =>
    row
      .map((text, column) => {
        const padding = ' '.repeat(widths[column]! - width(text));
        return isNumeric[column] ? padding + text : text + padding;
      })
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `1536` -> `1.5 KiB`; `-` for null. */
export function formatBytes(bytes: number | null): string {
  if (bytes === null) return '-';
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${UNITS[power]}`;
}

/** `1234567` -> `1,234,567` */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** `75` -> `1m 15s` */
export function formatSeconds(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${whole % 60}s`;
  return `${Math.floor(whole / 3600)}h ${Math.floor((whole % 3600) / 60)}m`;
}
