import type { OracleRecord } from './oracle.ts';

/** What a scenario is played on: a database of its own on a real server, and how its connectors are told of it. */
export interface Stage extends AsyncDisposable {
  /** Properties of one of the connectors, the scenario's own among them; state between restarts goes into `folder`. */
  propertiesOf(connector: string, folder: string): Promise<Record<string, string>>;
  /** Runs one statement of the scenario, in the scenario's session. */
  execute(statement: string): Promise<void>;
  /** The connectors that the server streams to, whose snapshots are over then. */
  streaming(): Promise<ReadonlySet<string>>;
  /**
   * Writes what every connector publishes a record of, whatever its filters: where that record has come, everything
   * before it has. The text is in the record's key.
   */
  emitMarker(): Promise<string>;
  /** The records that are the scenario's, in their order: without those of markers, and of what else the server does. */
  ownRecords(records: readonly OracleRecord[]): OracleRecord[];
}

/** Begins the text of every marker. */
export const markerPrefix = 'tailrace-marker-';

/** Engines in one JVM need different ones. */
export function topicPrefixOf(scenario: { readonly name: string }): string {
  return scenario.name.replaceAll(/[^A-Za-z0-9]+/g, '_');
}
