/** Seed of this run's property tests: printed in test names, replayed with TEST_SEED. */
export const SEED = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000);

/** A small repeatable generator (mulberry32): numbers in [0, below). */
export function randomSource(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000) * below);
  };
}
