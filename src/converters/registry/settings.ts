/** How one converter reaches its registry and what it does there: the `<side>.converter.` keys without that prefix. */
export interface RegistrySettings {
  /** `schema.registry.url`: asked one after another until one answers. */
  readonly urls: readonly string[];
  /** The value of the Authorization header; null: none is sent. */
  readonly authorization: string | null;
  readonly autoRegister: boolean;
  readonly useLatestVersion: boolean;
  readonly normalize: boolean;
  readonly subjects: SubjectNaming;
}

/** PEM texts, as node:tls takes them. */
export interface RegistryTls {
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
  readonly checkHostname: boolean;
}

/** `key.subject.name.strategy`, `value.subject.name.strategy` */
export type SubjectNaming = 'topic' | 'record' | 'topic-record';

export function subjectName(
  naming: SubjectNaming,
  of: { readonly topic: string; readonly side: 'key' | 'value'; readonly record: string | null },
): string {
  const { topic, side, record } = of;
  // Confluent's strategies refuse what has no record's name; a schema without a name is known by its topic.
  if (naming === 'topic' || record === null) return `${topic}-${side}`;
  return naming === 'record' ? record : `${topic}-${record}`;
}
