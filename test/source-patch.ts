import { registerHooks } from 'node:module';

/** A change of the project's own source text that a preloaded module makes while a child process loads it. */
export interface SourcePatch {
  /** Path below the repository. */
  readonly file: string;
  /** Text that must stand in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

const ROOT = new URL('../', import.meta.url).href;

/** A patch that no longer fits its file ends the process with a message: it must not silently become the real thing. */
export function patchSources(name: string, patches: readonly SourcePatch[]): void {
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      const fitting = patches.filter(({ file }) => url === ROOT + file);
      if (fitting.length === 0) return loaded;
      let source = String(loaded.source);
      for (const { file, find, replace } of fitting) {
        if (source.split(find).length !== 2) {
          throw new Error(`${name} does not fit ${file} any more, which must hold once:\n${find}`);
        }
        source = source.replace(find, () => replace);
      }
      return { ...loaded, source };
    },
  });
}
