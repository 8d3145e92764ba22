import { fastify } from 'fastify';
import type { ListenAddress } from '../config/worker.ts';
import { TailraceError } from '../model/errors.ts';
import type { HealthProvider } from '../model/status.ts';
import type { Metrics } from '../observe/metrics.ts';
import { healthResponse, lagResponse } from './health-response.ts';

export interface HttpServerOptions {
  readonly listen: ListenAddress;
  readonly health: HealthProvider;
  readonly metrics: Metrics;
  readonly clock: () => number;
}

export interface HttpServer {
  /** `http://host:port`, with the port that was given when 0 was asked for. */
  readonly url: string;
  close(): Promise<void>;
}

/** Serves `/health`, `/lag` and `/metrics`. Throws `http.listen` when the address cannot be had. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { listen, health, metrics, clock } = options;
  const app = fastify({ logger: false, forceCloseConnections: true });
  app.get('/health', (_, reply) => {
    const { status, body } = healthResponse(health, clock());
    return reply.code(status).send(body);
  });
  app.get('/lag', async (_, reply) => {
    const { status, body } = lagResponse(await health.lag());
    return reply.code(status).send(body);
  });
  app.get('/metrics', async (_, reply) => reply.type(metrics.contentType).send(await metrics.render()));
  app.setNotFoundHandler((request, reply) =>
    reply
      .code(404)
      .send({ error_code: 404, message: `there is no ${request.url}; there are /health, /lag and /metrics` }),
  );
  app.setErrorHandler((error, _, reply) => {
    const message = error instanceof Error ? error.message : String(error);
    return reply.code(500).send({ error_code: 500, message });
  });
  try {
    const url = await app.listen({ host: listen.host, port: listen.port });
    return { url, close: () => app.close() };
  } catch (error) {
    await app.close();
    throw listenError(error, listen);
  }
}

function listenError(error: unknown, { host, port }: ListenAddress): TailraceError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const at = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const reason =
    code === 'EADDRINUSE'
      ? 'the port is in use'
      : code === 'EACCES'
        ? 'no permission for this port'
        : code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND'
          ? 'this machine has no such address'
          : String(error instanceof Error ? error.message : error);
  return new TailraceError('http.listen', `cannot listen on ${at}: ${reason}`, {
    remedy: 'Set tailrace.http.listen (or --http) to another host:port, or to off.',
    cause: error,
  });
}
