import { setTimeout as sleep } from 'node:timers/promises';
import { TailraceError } from '../../model/errors.ts';
import type { HttpResponse, HttpSend } from './http.ts';
import type { RegistrySettings } from './settings.ts';

export interface SubjectSchema {
  readonly subject: string;
  /** JSON text. */
  readonly schema: string;
  readonly type: 'AVRO' | 'JSON';
}

/** An answer of the registry that is no success; its code is the registry's own, 40401 and the like. */
export class RegistryAnswer extends Error {
  override readonly name = 'RegistryAnswer';
  readonly status: number;
  readonly code: number;

  constructor(status: number, code: number, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** A schema that the registry has. */
export interface RegisteredSchema {
  readonly id: number;
  readonly schema: string;
}

const CONTENT_TYPE = 'application/vnd.schemaregistry.v1+json';
/** One attempt; every URL is asked in each round. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Rounds before the task is restarted, which then has waits of its own. */
const ROUNDS = 4;
const FIRST_WAIT_MS = 250;

/** The part of Confluent's REST API that a writer needs (https://docs.confluent.io/platform/current/schema-registry/develop/api.html). */
export class RegistryClient {
  readonly #settings: RegistrySettings;
  readonly #send: HttpSend;

  constructor(settings: RegistrySettings, send: HttpSend) {
    this.#settings = settings;
    this.#send = send;
  }

  /** Where it is, for messages, without credentials. */
  get place(): string {
    return this.#settings.urls.map((url) => withoutCredentials(url)).join(', ');
  }

  /** The id of the schema under the subject, which gets a new version if it has none with that schema. */
  async register(of: SubjectSchema, signal: AbortSignal): Promise<number> {
    const path = `subjects/${encodeURIComponent(of.subject)}/versions`;
    return (await this.#request<RegisteredSchema>('POST', this.#withNormalize(path), of, signal)).id;
  }

  /** The id that the schema has under the subject. */
  async lookUp(of: SubjectSchema, signal: AbortSignal): Promise<number> {
    const path = `subjects/${encodeURIComponent(of.subject)}`;
    return (await this.#request<RegisteredSchema>('POST', this.#withNormalize(path), of, signal)).id;
  }

  async latest(subject: string, signal: AbortSignal): Promise<RegisteredSchema> {
    const path = `subjects/${encodeURIComponent(subject)}/versions/latest`;
    return this.#request<RegisteredSchema>('GET', path, null, signal);
  }

  #withNormalize(path: string): string {
    return this.#settings.normalize ? `${path}?normalize=true` : path;
  }

  /** @throws RegistryAnswer for what the registry refuses; TailraceError `converter.registry` when none of them can be asked. */
  async #request<T>(method: 'GET' | 'POST', path: string, of: SubjectSchema | null, signal: AbortSignal): Promise<T> {
    // Avro is the type that is not named: registries from before there were others know no name for it.
    const body = of === null ? null : { schema: of.schema, ...(of.type === 'AVRO' ? {} : { schemaType: of.type }) };
    const { authorization, urls } = this.#settings;
    const headers: Record<string, string> = { accept: CONTENT_TYPE };
    if (body !== null) headers['content-type'] = CONTENT_TYPE;
    if (authorization !== null) headers.authorization = authorization;
    let failure: unknown;
    for (let round = 0; round < ROUNDS; round++) {
      if (round > 0) await sleep(FIRST_WAIT_MS * 2 ** (round - 1), undefined, { signal });
      for (const base of urls) {
        try {
          const url = new URL(path, base.endsWith('/') ? base : `${base}/`);
          const timed = AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]);
          const text = body === null ? null : JSON.stringify(body);
          return parseAnswer<T>(await this.#send({ method, url, headers, body: text }, timed));
        } catch (error) {
          signal.throwIfAborted();
          // A keystore that cannot be read, too, says for itself what is wrong.
          if (error instanceof TailraceError || (error instanceof RegistryAnswer && !isPassing(error.status)))
            throw error;
          failure = error;
        }
      }
      if (isDistrust(failure)) throw distrust(this.place, failure);
    }
    throw new TailraceError(
      'converter.registry',
      `the schema registry at ${this.place} does not answer: ${reason(failure)}`,
      {
        remedy: 'See whether it runs and can be reached; the key is schema.registry.url.',
        cause: failure,
      },
    );
  }
}

/** Trouble of the registry itself, or of what stands before it, that may be over a moment later. */
function isPassing(status: number): boolean {
  return status >= 500 || status === 408 || status === 429;
}

/** What OpenSSL says of a certificate, and Node of a name in it, and a server of ours. */
const DISTRUST = /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_|ERR_SSL_.*CERTIFICATE)/;

function isDistrust(failure: unknown): boolean {
  return failure instanceof Error && DISTRUST.test((failure as NodeJS.ErrnoException).code ?? '');
}

function distrust(place: string, failure: unknown): TailraceError {
  return new TailraceError(
    'converter.registry_refused',
    `TLS with the schema registry at ${place} fails: ${reason(failure)}`,
    {
      remedy:
        'Name the certificate authority in schema.registry.ssl.truststore.location (PEM or PKCS12), and a certificate of your own, where the registry asks for one, in schema.registry.ssl.keystore.location.',
      cause: failure,
    },
  );
}

function parseAnswer<T>({ status, body }: HttpResponse): T {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    parsed = null;
  }
  if (status === 200 && typeof parsed === 'object' && parsed !== null) return parsed as T;
  const { error_code: code, message } = (parsed ?? {}) as { error_code?: number; message?: string };
  throw new RegistryAnswer(
    status,
    code ?? status,
    message ?? `HTTP status ${status}, and no answer of a schema registry`,
  );
}

function withoutCredentials(url: string): string {
  const parsed = new URL(url);
  parsed.username = parsed.password = '';
  return parsed.href;
}

/** Node's connection errors often have no message of their own but that of each address tried. */
function reason(failure: unknown): string {
  if (failure instanceof AggregateError) return failure.errors.map(reason).join('; ');
  if (!(failure instanceof Error)) return String(failure);
  const { code } = failure as NodeJS.ErrnoException;
  if (failure.name === 'TimeoutError') return `no answer within ${REQUEST_TIMEOUT_MS / 1000} s`;
  return failure.message === '' ? (code ?? failure.name) : failure.message;
}
