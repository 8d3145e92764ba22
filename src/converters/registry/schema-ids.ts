import { TailraceError } from '../../model/errors.ts';
import type { Schema } from '../../model/schema.ts';
import { RegistryAnswer, type RegistryClient, type SubjectSchema } from './client.ts';
import { type RegistrySettings, subjectName } from './settings.ts';

/** A schema in the form in which the registry gets it. */
export interface SchemaForm {
  /** JSON text. */
  readonly text: string;
  /** The full name of its record, by which subjects may be named; null: it has none. */
  readonly record: string | null;
}

export interface SchemaIdsOptions {
  readonly side: 'key' | 'value';
  readonly type: 'AVRO' | 'JSON';
  readonly settings: RegistrySettings;
  readonly client: RegistryClient;
  /** Throws TailraceError `converter.schema` for a schema that the form cannot hold. */
  readonly formOf: (schema: Schema, topic: string) => SchemaForm;
  /** Whether what is written by one schema (JSON text) is read right by the other: `use.latest.version`. */
  readonly isSameLayout: (one: string, other: string) => boolean;
}

/** Ids of the schemas that records name, asked of the registry once for each subject and schema. */
export class SchemaIds {
  readonly #options: SchemaIdsOptions;
  /** By schema, then topic: one schema may be on several topics. */
  readonly #ids = new WeakMap<Schema, Map<string, number>>();
  /** What is known or being asked, by subject and schema text: table versions often have equal schemas. */
  readonly #asked = new Map<string, Promise<number>>();

  constructor(options: SchemaIdsOptions) {
    this.#options = options;
  }

  /** Null: the id is known. */
  prepare(topic: string, schema: Schema, signal: AbortSignal): Promise<void> | null {
    if (this.#ids.get(schema)?.has(topic)) return null;
    return this.#learn(topic, schema, signal);
  }

  /** Magic byte 0 and the id, big-endian: what every record begins with. The schema must have been prepared. */
  prefix(topic: string, schema: Schema): Buffer {
    const id = this.#ids.get(schema)?.get(topic);
    if (id === undefined) {
      throw new TailraceError(
        'internal',
        `the schema ${schema.name ?? schema.type} of ${topic} was not registered before its record`,
      );
    }
    const prefix = Buffer.alloc(PREFIX_BYTES);
    prefix.writeInt32BE(id, 1);
    return prefix;
  }

  async #learn(topic: string, schema: Schema, signal: AbortSignal): Promise<void> {
    const { side, settings, formOf, type } = this.#options;
    const { text, record } = formOf(schema, topic);
    const subject = subjectName(settings.subjects, { topic, side, record });
    const key = `${subject}\n${text}`;
    let asked = this.#asked.get(key);
    if (asked === undefined) {
      asked = this.#ask({ subject, schema: text, type }, topic, signal);
      this.#asked.set(key, asked);
      // Whoever comes after a failure asks anew.
      asked.catch(() => this.#asked.delete(key));
    }
    const id = await asked;
    const byTopic = this.#ids.get(schema) ?? new Map<string, number>();
    this.#ids.set(schema, byTopic.set(topic, id));
  }

  async #ask(of: SubjectSchema, topic: string, signal: AbortSignal): Promise<number> {
    const { client, settings, isSameLayout } = this.#options;
    try {
      if (settings.autoRegister) return await client.register(of, signal);
      if (!settings.useLatestVersion) return await client.lookUp(of, signal);
      const latest = await client.latest(of.subject, signal);
      if (isSameLayout(latest.schema, of.schema)) return latest.id;
    } catch (error) {
      throw error instanceof RegistryAnswer ? this.#refusal(error, of, topic) : error;
    }
    throw new TailraceError(
      'converter.schema',
      `the latest version of subject ${of.subject} is not the schema that records of ${topic} now have`,
      {
        remedy: `Register the schema that the table has now as a new version, or set ${this.#key('auto.register.schemas')} to true. The schema: ${of.schema}`,
      },
    );
  }

  #key(name: string): string {
    return `${this.#options.side}.converter.${name}`;
  }

  #refusal(answer: RegistryAnswer, of: SubjectSchema, topic: string): TailraceError {
    const { client } = this.#options;
    const said = `(${answer.code}: ${answer.message})`;
    const place = `the schema registry at ${client.place}`;
    switch (answer.status) {
      case 401:
      case 403:
        return new TailraceError(
          'converter.registry_refused',
          `${place} refuses the credentials for subject ${of.subject} ${said}`,
          {
            remedy: `Look at ${this.#key('basic.auth.credentials.source')}, ${this.#key('basic.auth.user.info')} and the bearer.auth keys, and at what that account may do.`,
            cause: answer,
          },
        );
      case 409:
        return new TailraceError(
          'converter.schema',
          `the schema that records of ${topic} now have is incompatible with an earlier one of subject ${of.subject} ${said}`,
          {
            remedy: `Nothing is lost: the task goes on from here once the subject's compatibility allows the change (PUT /config/${of.subject} with {"compatibility": "NONE"} or what fits), or the table is changed back.`,
            cause: answer,
          },
        );
      case 422:
        return new TailraceError('converter.schema', `${place} takes the schema of ${topic} for invalid ${said}`, {
          remedy:
            'Names must be letters, digits and underscores: see schema.name.adjustment.mode and field.name.adjustment.mode (avro).',
          cause: answer,
        });
      case 404:
        return this.#missing(answer, of, topic);
      default:
        return new TailraceError('converter.registry_refused', `${place} refuses subject ${of.subject} ${said}`, {
          remedy: `See that ${this.#key('schema.registry.url')} has the path of the registry's API.`,
          cause: answer,
        });
    }
  }

  #missing(answer: RegistryAnswer, of: SubjectSchema, topic: string): TailraceError {
    const { client, settings } = this.#options;
    const isKnownCode =
      answer.code === SUBJECT_NOT_FOUND || answer.code === VERSION_NOT_FOUND || answer.code === SCHEMA_NOT_FOUND;
    if (settings.autoRegister || !isKnownCode) {
      return new TailraceError(
        'converter.registry_refused',
        `there is no schema registry at ${client.place} (${answer.message})`,
        {
          remedy: `See that ${this.#key('schema.registry.url')} has the path of the registry's API, such as /apis/ccompat/v7 for Apicurio.`,
          cause: answer,
        },
      );
    }
    return new TailraceError(
      'converter.schema',
      `subject ${of.subject} does not have the schema of ${topic}, and ${this.#key('auto.register.schemas')} is false (${answer.code}: ${answer.message})`,
      { remedy: `Register this schema under ${of.subject}, or set the key to true: ${of.schema}`, cause: answer },
    );
  }
}

export const PREFIX_BYTES = 5;
const SUBJECT_NOT_FOUND = 40401;
const VERSION_NOT_FOUND = 40402;
const SCHEMA_NOT_FOUND = 40403;
