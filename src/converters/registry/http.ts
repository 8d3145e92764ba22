import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { RegistryTls } from './settings.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

export interface HttpResponse {
  readonly status: number;
  readonly body: string;
}

/** Rejects with the error of the connection, or the signal's reason. */
export type HttpSend = (request: HttpRequest, signal: AbortSignal) => Promise<HttpResponse>;

/** A registry answers with a schema or two: more is no registry. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** Connections are few and far between; one is kept for the tables that come together at a start. */
const IDLE_MS = 4_000;

const AGENT = { keepAlive: true, maxSockets: 4, timeout: IDLE_MS } as const;

/**
 * Requests by node:http and node:https, whose TLS can be told whom to trust. Redirects are not followed. Null: TLS with the
 * system's certificates and no own one.
 */
export function createHttpSend(readTls: (() => Promise<RegistryTls>) | null): HttpSend {
  const http = new HttpAgent(AGENT);
  let agent: Promise<HttpsAgent> | null = null;
  const httpsAgent = async (): Promise<HttpsAgent> =>
    new HttpsAgent({ ...AGENT, ...(readTls === null ? {} : tlsOptions(await readTls())) });
  return async ({ method, url, headers, body }, signal) => {
    const isTls = url.protocol === 'https:';
    if (isTls) agent ??= httpsAgent();
    const https = isTls ? await agent : null;
    return new Promise((resolve, reject) => {
      const options = { method, signal, headers: { ...headers, ...lengthOf(body) } };
      const onResponse = (response: IncomingMessage): void => {
        readBody(response).then((text) => resolve({ status: response.statusCode ?? 0, body: text }), reject);
      };
      const request =
        https === null
          ? httpRequest(url, { ...options, agent: http }, onResponse)
          : httpsRequest(url, { ...options, agent: https }, onResponse);
      request.once('error', reject);
      request.end(body ?? undefined);
    });
  };
}

function lengthOf(body: string | null): Record<string, string> {
  return body === null ? {} : { 'content-length': String(Buffer.byteLength(body)) };
}

function tlsOptions({ ca, cert, key, checkHostname }: RegistryTls): Record<string, unknown> {
  const given = Object.entries({ ca, cert, key }).filter(([, value]) => value !== null);
  return { ...Object.fromEntries(given), ...(checkHostname ? {} : { checkServerIdentity: () => undefined }) };
}

async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Error(`the answer is larger than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
