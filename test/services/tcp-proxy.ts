import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

type State = 'open' | 'cut' | 'silent';

const host = '127.0.0.1';

/**
 * Stands between clients and one port of this machine, and does to their connections what networks do. Its own port stays
 * the same, so that a server can advertise it.
 */
export class TcpProxy implements AsyncDisposable {
  readonly #targetPort: number;
  readonly #pairs = new Set<Pair>();
  readonly #listener: Server;
  #port = 0;
  #state: State = 'open';
  #latencyMs = 0;

  private constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#listener = createServer({ allowHalfOpen: true }, (client) => this.#join(client));
    // It must not keep a test process alive that forgot it.
    this.#listener.unref();
  }

  static async to(targetPort: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(targetPort);
    await new Promise<void>((ready) => proxy.#listener.listen(0, host, ready));
    proxy.#port = (proxy.#listener.address() as { port: number }).port;
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** All connections end, and new ones are ended at once, until {@link open}. */
  cut(): void {
    this.#state = 'cut';
    this.#destroyAll((socket) => socket.destroy());
  }

  /** The connections there are end with a TCP reset; new ones are as before. */
  reset(): void {
    this.#destroyAll((socket) => socket.resetAndDestroy());
  }

  /** Nothing comes through any more and nobody is told so, on old connections and on new ones, until {@link open}. */
  silence(): void {
    this.#state = 'silent';
    for (const { client, server } of this.#pairs) for (const socket of [client, server]) socket.pause();
  }

  /** As at first; what was held back comes through now. */
  open(): void {
    this.#state = 'open';
    for (const { client, server } of this.#pairs) for (const socket of [client, server]) socket.resume();
  }

  /** Delays whatever comes from now on, in both directions. */
  delay(latencyMs: number): void {
    this.#latencyMs = latencyMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#listener.close(resolve));
    this.cut();
    await closed;
  }

  #destroyAll(destroy: (socket: Socket) => void): void {
    for (const { client, server } of this.#pairs) {
      destroy(client);
      destroy(server);
    }
    this.#pairs.clear();
  }

  #join(client: Socket): void {
    if (this.#state === 'cut') {
      client.destroy();
      return;
    }
    const server = connect({ host, port: this.#targetPort, allowHalfOpen: true });
    const pair: Pair = { client, server };
    this.#pairs.add(pair);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.setNoDelay(true);
      this.#pipe(from, to);
      from.on('close', () => {
        this.#pairs.delete(pair);
        to.destroy();
      });
      // The other side learns of it by the close that follows.
      from.on('error', () => {});
      if (this.#state === 'silent') from.pause();
    }
  }

  /** In order also while the latency changes: each chunk waits for the one before. */
  #pipe(from: Socket, to: Socket): void {
    let last = Promise.resolve();
    const later = (work: () => void): void => {
      const due = performance.now() + this.#latencyMs;
      last = last.then(async () => {
        const waitMs = due - performance.now();
        if (waitMs > 0) await sleep(waitMs);
        work();
      });
    };
    from.on('data', (chunk: Buffer) => {
      if (this.#latencyMs > 0) later(() => to.write(chunk));
      else last = last.then(() => void to.write(chunk));
    });
    from.on('end', () => later(() => to.end()));
  }
}
