import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { OAuthConfig } from '../../config/kafka-access.ts';
import { TailraceError } from '../../model/errors.ts';
import { PassingFault, requestToken, type TokenAnswer } from './oauth-request.ts';

interface CachedToken {
  readonly token: string;
  readonly refreshAtMs: number;
  readonly endMs: number;
}

/** Share of its life after which a short token is replaced: Kafka's sasl.login.refresh.window.factor. */
const REFRESH_SHARE = 0.8;
/**
 * kafkajs logs in again when a session has less than 10 s left, which is what its token has left, and brokers do not let it do so
 * twice within a second: the token must not be one that is about to end.
 */
const SHORTEST_REST_MS = 15_000;

/**
 * Tokens of the grant client_credentials, or of a file. One is kept until some time before its end; until then a fresh one that
 * cannot be had is no failure. Passing faults are tried again, `sasl.login.retry.backoff.ms` apart and doubling.
 */
export class OAuthTokens {
  readonly #oauth: OAuthConfig;
  readonly #ca: string | null;
  #cached: CachedToken | null = null;
  #fetching: Promise<string> | null = null;

  /** `ca`: PEM of who signed the endpoint's certificate; null: those that Node knows. */
  constructor(oauth: OAuthConfig, ca: string | null) {
    this.#oauth = oauth;
    this.#ca = ca;
  }

  /** A token that is valid for a while. Rejects with a TailraceError that holds no secret. */
  token(): Promise<string> {
    const { endpoint } = this.#oauth;
    if (endpoint.protocol === 'file:') return tokenOfFile(endpoint);
    if (this.#cached !== null && Date.now() < this.#cached.refreshAtMs) return Promise.resolve(this.#cached.token);
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = null;
    });
    return this.#fetching;
  }

  async #fetch(): Promise<string> {
    try {
      const answer = await this.#request();
      const nowMs = Date.now();
      const lifeMs = lifeOf(answer, nowMs);
      const bufferMs = this.#oauth.refreshBufferMs;
      const keptMs =
        lifeMs > 2 * bufferMs ? lifeMs - bufferMs : Math.min(lifeMs * REFRESH_SHARE, lifeMs - SHORTEST_REST_MS);
      this.#cached = { token: answer.token, refreshAtMs: nowMs + keptMs, endMs: nowMs + lifeMs };
      return answer.token;
    } catch (error) {
      const cached = this.#cached;
      if (cached !== null && Date.now() < cached.endMs && error instanceof TailraceError) return cached.token;
      throw error;
    }
  }

  async #request(): Promise<TokenAnswer> {
    const { retryBackoffMs, retryBackoffMaxMs } = this.#oauth;
    let waitedMs = 0;
    for (let waitMs = retryBackoffMs; ; waitMs *= 2) {
      try {
        return await requestToken(this.#oauth, this.#ca);
      } catch (error) {
        if (!(error instanceof PassingFault)) throw error;
        if (waitedMs >= retryBackoffMaxMs) {
          throw new TailraceError('log.connect', `no token for SASL: ${error.message}`, {
            remedy: 'Check sasl.oauthbearer.token.endpoint.url, and that the server is there; tailrace keeps trying.',
            cause: error,
          });
        }
        const ms = Math.min(waitMs, retryBackoffMaxMs - waitedMs);
        await sleep(ms);
        waitedMs += ms;
      }
    }
  }
}

/** As the token says itself, if it is a JWT; else as the answer says; else it is for one use. */
function lifeOf({ token, lifeMs }: TokenAnswer, nowMs: number): number {
  const endMs = endOfJwt(token);
  return Math.max(0, endMs === null ? (lifeMs ?? 0) : endMs - nowMs);
}

/** Milliseconds since 1970 UTC of the claim `exp` (RFC 7519); null where there is none. */
function endOfJwt(token: string): number | null {
  const [, claims, signature] = token.split('.');
  if (claims === undefined || signature === undefined) return null;
  try {
    const { exp } = JSON.parse(Buffer.from(claims, 'base64url').toString('utf8')) as { readonly exp?: unknown };
    return typeof exp === 'number' ? exp * 1000 : null;
  } catch {
    return null;
  }
}

async function tokenOfFile(url: URL): Promise<string> {
  const file = fileURLToPath(url);
  const remedy = 'Check sasl.oauthbearer.token.endpoint.url.';
  let token: string;
  try {
    token = (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new TailraceError('log.authentication', `cannot read the token file ${file} (${code})`, { remedy, cause });
  }
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new TailraceError('log.authentication', `${file} does not hold one token and nothing else`, { remedy });
  }
  return token;
}
