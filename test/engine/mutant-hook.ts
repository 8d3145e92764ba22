import { patchSources } from '../source-patch.ts';
import { TASK_MUTANTS } from './mutants.ts';

// Preloaded into a child with --import: gives it the source of a mutant in place of the real one.
const name = process.env.TAILRACE_MUTANT ?? '';
const mutant = Object.entries(TASK_MUTANTS).find(([known]) => known === name)?.[1];
if (mutant === undefined) {
  throw new Error(`TAILRACE_MUTANT=${name}: no such mutant; there are ${Object.keys(TASK_MUTANTS).join(', ')}`);
}
patchSources(`The mutant ${name}`, mutant.patches);
