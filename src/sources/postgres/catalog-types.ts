/** A row of pg_type, with what the value mapping needs of its neighbours. */
export interface PgType {
  readonly oid: number;
  readonly namespace: string;
  readonly name: string;
  readonly kind: 'base' | 'composite' | 'domain' | 'enum' | 'range' | 'multirange' | 'pseudo';
  /** Type of the elements when this is a true array type, else 0. */
  readonly elementOid: number;
  /** Type under a domain, else 0, and the domain's own type modifier (-1: none). */
  readonly baseOid: number;
  readonly baseModifier: number;
  /** Labels of an enum in catalog sort order. */
  readonly enumLabels: readonly string[];
}

export interface CatalogColumn {
  readonly name: string;
  readonly typeOid: number;
  /** atttypmod, -1 when there is none. */
  readonly modifier: number;
  readonly notNull: boolean;
  /** pg_get_expr of the default; null when there is none or the column is generated. */
  readonly defaultExpression: string | null;
  /** GENERATED ALWAYS AS (...) STORED or VIRTUAL. */
  readonly generated: boolean;
}

/** A table as the catalog describes it now, which may be newer than the change that asks. */
export interface CatalogTable {
  readonly oid: number;
  readonly namespace: string;
  readonly name: string;
  readonly columns: readonly CatalogColumn[];
  /** Column names of the primary key in key order; empty when there is none. */
  readonly primaryKey: readonly string[];
  /** Column names of the replica identity index (USING INDEX) in index order; empty when there is none. */
  readonly identityIndex: readonly string[];
}

/** Types by OID. */
export type TypeRegistry = ReadonlyMap<number, PgType>;
