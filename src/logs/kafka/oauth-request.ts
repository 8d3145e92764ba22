import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { OAuthConfig } from '../../config/kafka-access.ts';
import { TailraceError } from '../../model/errors.ts';

/** What a token endpoint answered. */
export interface TokenAnswer {
  readonly token: string;
  /** Milliseconds that it lasts by the answer; null: the answer does not say. */
  readonly lifeMs: number | null;
}

/** The same request may go well a little later. */
export class PassingFault extends Error {
  override readonly name = 'PassingFault';
}

/** More than any token, less than a page that somebody put in its place. */
const MAX_ANSWER_BYTES = 1_048_576;

/**
 * One request of RFC 6749, 4.4 (grant client_credentials), as Kafka's HttpJwtRetriever makes it. `ca`: who signed the endpoint's
 * certificate; null: those that Node knows. Throws a {@link PassingFault}, or a TailraceError that says what to change.
 */
export async function requestToken(oauth: OAuthConfig, ca: string | null): Promise<TokenAnswer> {
  const { status, body } = await post(oauth, ca);
  const where = shown(oauth.endpoint);
  const answer = parseObject(body);
  if (status === 429 || status >= 500) throw new PassingFault(`${where} answered ${status}`);
  if (status !== 200) throw refusal(oauth, status, answer);
  const token = answer?.access_token;
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) {
    throw new TailraceError('log.setting', `${where} answered without an access_token`, {
      remedy: 'Check sasl.oauthbearer.token.endpoint.url: it must be the token endpoint itself.',
    });
  }
  const seconds = Number(answer?.expires_in);
  return { token, lifeMs: Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : null };
}

/** Without its query, which may hold a key. */
function shown(endpoint: URL): string {
  return `the token endpoint ${endpoint.origin}${endpoint.pathname}`;
}

function refusal(oauth: OAuthConfig, status: number, answer: Record<string, unknown> | null): TailraceError {
  const where = shown(oauth.endpoint);
  // Of the answer only the code of RFC 6749, 5.2: what else is in it may repeat what was sent.
  const code = typeof answer?.error === 'string' && /^[a-z_]{1,40}$/.test(answer.error) ? answer.error : null;
  if (code === null && (status < 400 || status === 404 || status === 405)) {
    return new TailraceError('log.setting', `${where} answered ${status}: it gives no tokens`, {
      remedy: 'Check sasl.oauthbearer.token.endpoint.url: it must be the token endpoint itself.',
    });
  }
  const reason = code === null ? String(status) : `${code} (${status})`;
  return new TailraceError('log.authentication', `${where} refused client ${oauth.client!.id}: ${reason}`, {
    remedy:
      code === 'invalid_scope'
        ? 'Check scope in sasl.jaas.config, or sasl.oauthbearer.scope.'
        : 'Check clientId and clientSecret in sasl.jaas.config, and that the client may use the grant client_credentials.',
  });
}

interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

function post(oauth: OAuthConfig, ca: string | null): Promise<HttpAnswer> {
  const { endpoint, scope } = oauth;
  const form = new URLSearchParams({ grant_type: 'client_credentials', ...(scope === null ? {} : { scope }) });
  const body = form.toString();
  const options = {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(credentials(oauth)).toString('base64')}`,
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': Buffer.byteLength(body),
    },
    agent: false,
  } as const;
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      clearTimeout(timer);
      request.destroy();
      reject(connectionFault(error, oauth));
    };
    const request =
      endpoint.protocol === 'https:'
        ? requestHttps(endpoint, { ...options, ...(ca === null ? {} : { ca }) })
        : requestHttp(endpoint, options);
    const within = (ms: number, what: string) =>
      setTimeout(() => fail(new PassingFault(`${shown(endpoint)} ${what} within ${ms} ms`)), ms);
    let timer = within(oauth.connectTimeoutMs, 'did not take the connection');
    request.once('finish', () => {
      clearTimeout(timer);
      timer = within(oauth.readTimeoutMs, 'did not answer');
    });
    request.once('error', fail);
    request.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > MAX_ANSWER_BYTES) fail(new PassingFault(`${shown(endpoint)} answered with too much`));
      });
      response.once('error', fail);
      response.once('end', () => {
        clearTimeout(timer);
        resolve({ status: response.statusCode ?? 0, body: text });
      });
    });
    request.end(body);
  });
}

function credentials({ client, urlEncodesHeader }: OAuthConfig): string {
  const { id, secret } = client!;
  // RFC 6749, 2.3.1.
  const encode = (text: string): string =>
    urlEncodesHeader ? new URLSearchParams({ '': text }).toString().slice(1) : text;
  return `${encode(id)}:${encode(secret)}`;
}

/** Codes that OpenSSL and Node give a certificate which is not to be trusted. */
const UNTRUSTED = /CERT|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET)|ALTNAME/;

function connectionFault(error: Error, { endpoint }: OAuthConfig): Error {
  if (error instanceof PassingFault) return error;
  const { code = '' } = error as NodeJS.ErrnoException;
  const where = shown(endpoint);
  if (UNTRUSTED.test(code)) {
    const isName = code === 'ERR_TLS_CERT_ALTNAME_INVALID';
    const remedy = isName
      ? 'Write its host in sasl.oauthbearer.token.endpoint.url as the certificate has it.'
      : 'Name the authority that signed it: ssl.truststore.location="/path/ca.pem" in sasl.jaas.config, or NODE_EXTRA_CA_CERTS.';
    const message = `the certificate of ${where} is ${isName ? 'for another host name' : 'not trusted'} (${code})`;
    return new TailraceError('log.tls', message, { remedy, cause: error });
  }
  if (/^ERR_SSL|^EPROTO/.test(code)) {
    return new TailraceError('log.tls', `${where} does not speak TLS (${code})`, {
      remedy: 'Check sasl.oauthbearer.token.endpoint.url: http:// or https://, and the port.',
      cause: error,
    });
  }
  return new PassingFault(`${where} cannot be reached (${code || error.message})`);
}

function parseObject(body: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
