/** One line of the table: a figure, and what it is to be judged by. */
export interface Row {
  readonly key: string;
  readonly value: number;
  readonly digits: number;
  readonly text: string;
  /** What is to be reached, where there is such a thing. */
  readonly goal?: { readonly atLeast: number } | { readonly atMost: number };
}

export function formatRow({ key, value, digits, text, goal }: Row): string {
  const number = value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const line = `${key.padEnd(32)}${number.padStart(12)}  ${text}`;
  if (goal === undefined) return line;
  const isReached = 'atLeast' in goal ? value >= goal.atLeast : value <= goal.atMost;
  return `${line} (goal ${'atLeast' in goal ? `>= ${goal.atLeast}` : `<= ${goal.atMost}`}: ${isReached ? 'reached' : 'MISSED'})`;
}
