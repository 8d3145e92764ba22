import { patchSources } from '../source-patch.ts';
import { isMutant, MUTANTS } from './mutants.ts';

// Preloaded into a child with --import: gives it the source of a mutant in place of the real one.
const name = process.env.TAILRACE_MUTANT ?? '';
if (!isMutant(name))
  throw new Error(`TAILRACE_MUTANT=${name}: no such mutant; there are ${Object.keys(MUTANTS).join(', ')}`);
patchSources(`The mutant ${name}`, MUTANTS[name].patches);
