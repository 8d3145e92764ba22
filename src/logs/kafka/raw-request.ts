import type { KafkajsBroker, KafkajsConnection } from './kafkajs-internals.ts';
import { KafkaRequestError, toRequestError } from './request-error.ts';

/** A request that is encoded already, for the queue of kafkajs' connections: its bytes go to the socket as they are. */
export interface KafkaRequest<T> {
  readonly apiKey: number;
  readonly apiName: string;
  /** One of the classic (not flexible) encoding. */
  readonly apiVersion: number;
  /** Behind the request's header. Not to be changed until the answer is there, or the connection has ended. */
  readonly body: Buffer | readonly Buffer[];
  /** Reads the body of the answer. */
  decode(answer: Buffer): T;
  /** Where the answer says how long the broker wants to be left alone, in ms (KIP-219). */
  throttleMs?(answer: T): number;
  /** Longer than `request.timeout.ms` where the broker is to wait, in ms. */
  readonly timeoutMs?: number;
}

/**
 * Sends it in order behind what was sent before, if the connection is there. kafkajs' own way would copy the body three times.
 * @throws KafkaRequestError `CONNECTION_LOST`, `REQUEST_TIMEOUT`
 */
export async function sendRaw<T>(broker: KafkajsBroker, clientId: string, request: KafkaRequest<T>): Promise<T> {
  const { connectionPool } = broker;
  // Fetches have a connection of their own: the broker holds their answers back, and all behind them.
  const index = request.apiKey === FETCH ? 1 : 0;
  let connection = connectionPool.pool[index]!;
  try {
    if (!connection.isConnected()) connection = await connectionPool.getConnection(index);
    if (connection.sasl !== null && !connection.isAuthenticated()) await connection.authenticate();
    const { payload } = await enqueue(connection, clientId, request);
    const answer = request.decode(payload);
    if (request.throttleMs !== undefined) connection.requestQueue.maybeThrottle(request.throttleMs(answer));
    return answer;
  } catch (error) {
    throw toRequestError(error, request.apiName, { broker: `${connectionPool.host}:${connectionPool.port}` });
  }
}

function enqueue(
  connection: KafkajsConnection,
  clientId: string,
  request: KafkaRequest<unknown>,
): Promise<{ readonly payload: Buffer }> {
  const { apiKey, apiName, apiVersion, timeoutMs = 0 } = request;
  const { requestQueue, socket } = connection;
  const body: readonly Buffer[] = Buffer.isBuffer(request.body) ? [request.body] : request.body;
  const correlationId = connection.nextCorrelationId();
  const header = encodeHeader(request, correlationId, { clientId, bodyBytes: bytesOf(body) });
  return new Promise((resolve, reject) => {
    const sendRequest = (): void => {
      if (socket === undefined || !connection.isConnected() || !socket.writable) {
        reject(new KafkaRequestError(apiName, { type: 'CONNECTION_LOST' }));
        return;
      }
      socket.cork();
      socket.write(header);
      for (const chunk of body) socket.write(chunk);
      socket.uncork();
    };
    const entry = { apiKey, apiName, apiVersion, correlationId, resolve, reject };
    requestQueue.push({ entry, expectResponse: true, requestTimeout: timeoutMs, sendRequest });
  });
}

const FETCH = 1;

/** Header v1: size i32, apiKey i16, apiVersion i16, correlationId i32, clientId string. */
function encodeHeader(
  { apiKey, apiVersion }: KafkaRequest<unknown>,
  correlationId: number,
  { clientId, bodyBytes }: { readonly clientId: string; readonly bodyBytes: number },
): Buffer {
  const nameBytes = Buffer.byteLength(clientId);
  const header = Buffer.allocUnsafe(14 + nameBytes);
  header.writeInt32BE(10 + nameBytes + bodyBytes, 0);
  header.writeInt16BE(apiKey, 4);
  header.writeInt16BE(apiVersion, 6);
  header.writeInt32BE(correlationId, 8);
  header.writeInt16BE(nameBytes, 12);
  header.write(clientId, 14);
  return header;
}

function bytesOf(chunks: readonly Buffer[]): number {
  let bytes = 0;
  for (const chunk of chunks) bytes += chunk.length;
  return bytes;
}
