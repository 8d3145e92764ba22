import { InvalidArgumentError } from 'commander';

/** Reads an option's whole number; commander names the option. */
export function parseCount(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError('It takes a whole number of 0 or more.');
  return value;
}
