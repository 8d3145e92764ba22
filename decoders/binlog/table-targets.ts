import type { TableMap } from './table-map.ts';
import type { Target } from './transaction-reducer-options.ts';

/** What tables are, asked once per version. */
export class TableTargets {
  readonly #tableOf: (map: TableMap) => Target | null;
  #known = new WeakMap<TableMap, { readonly target: Target | null }>();
  /** Rows of one table mostly follow each other. */
  #lastMap: TableMap | null = null;
  #lastTarget: Target | null = null;

  constructor(tableOf: (map: TableMap) => Target | null) {
    this.#tableOf = tableOf;
  }

  /** Null: its rows are not wanted. */
  get(map: TableMap): Target | null {
    if (map === this.#lastMap) return this.#lastTarget;
    let known = this.#known.get(map);
    if (known === undefined) {
      known = { target: this.#tableOf(map) };
      this.#known.set(map, known);
    }
    this.#lastMap = map;
    this.#lastTarget = known.target;
    return known.target;
  }

  /** They will be asked again. */
  forget(): void {
    this.#known = new WeakMap();
    this.#lastMap = null;
  }
}
