import { connect, createServer, type Server, type Socket } from 'node:net';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  isFrozen: boolean;
}

/** Stands between a reader and its server, and falls silent when told to: what a firewall does that forgets a connection. */
export class FreezingProxy implements AsyncDisposable {
  readonly #pairs: Pair[] = [];
  readonly #listener: Server;
  readonly #target: URL;

  private constructor(target: URL) {
    this.#target = target;
    this.#listener = createServer({ allowHalfOpen: true }, (client) => this.#join(client));
  }

  /** In front of the server of this URL. */
  static async to(url: string): Promise<FreezingProxy> {
    const proxy = new FreezingProxy(new URL(url));
    await new Promise<void>((ready) => proxy.#listener.listen(0, '127.0.0.1', ready));
    return proxy;
  }

  /** The given URL, by way of here. */
  get url(): string {
    const url = new URL(this.#target);
    url.host = `127.0.0.1:${(this.#listener.address() as { port: number }).port}`;
    return url.href;
  }

  /** Nothing comes through any more on the connections there are; new ones are as before. */
  freeze(): void {
    for (const pair of this.#pairs) pair.isFrozen = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#listener.close(resolve));
    for (const { client, server } of this.#pairs) {
      client.destroy();
      server.destroy();
    }
    await closed;
  }

  #join(client: Socket): void {
    const server = connect({
      host: this.#target.hostname,
      port: Number(this.#target.port),
      allowHalfOpen: true,
    });
    const pair: Pair = { client, server, isFrozen: false };
    this.#pairs.push(pair);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.on('data', (chunk) => {
        if (!pair.isFrozen) to.write(chunk);
      });
      from.on('end', () => {
        if (!pair.isFrozen) to.end();
      });
      from.on('close', () => {
        if (!pair.isFrozen) to.destroy();
      });
      from.on('error', () => {});
    }
  }
}
