export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

/** The machine is shared and noisy: a middle value tells more than a mean. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}
