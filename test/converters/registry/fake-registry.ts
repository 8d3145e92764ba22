import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly authorization: string | null;
  readonly body: { readonly schema: string; readonly schemaType?: string } | null;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** A registry in this process: it registers everything, unless `answer` says otherwise. */
export interface FakeRegistry {
  readonly url: string;
  readonly asked: Asked[];
  /** Called for each request; null: it is answered as usual. */
  answer: (asked: Asked) => Answer | 'hang up' | null;
  /** The schema of an id. */
  schemaOf(id: number): string;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startFakeRegistry(): Promise<FakeRegistry> {
  const ids = new Map<string, number>();
  const usual = ({ method, path, body }: Asked): Answer => {
    if (method !== 'POST' || body === null) return { status: 404, body: { error_code: 40401, message: `no ${path}` } };
    const id = ids.get(body.schema) ?? ids.size + 1;
    ids.set(body.schema, id);
    return { status: 200, body: { id } };
  };
  const server = createServer((request, response) => {
    void readJson(request).then((body) => respond(request, response, body));
  });
  const respond = (request: IncomingMessage, response: ServerResponse, body: Asked['body']): void => {
    const { method = '', url = '', headers } = request;
    const asked: Asked = { method, path: url, authorization: headers.authorization ?? null, body };
    registry.asked.push(asked);
    const answer = registry.answer(asked) ?? usual(asked);
    if (answer === 'hang up') {
      request.socket.destroy();
      return;
    }
    response.writeHead(answer.status, { 'content-type': 'application/vnd.schemaregistry.v1+json' });
    response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const registry: FakeRegistry = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    answer: () => null,
    schemaOf: (id) => [...ids].find(([, known]) => known === id)![0],
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
  return registry;
}

async function readJson(request: IncomingMessage): Promise<Asked['body']> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  return text === '' ? null : (JSON.parse(text) as Asked['body']);
}
