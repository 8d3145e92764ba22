import type { Socket } from 'node:net';
import type { Client } from 'pg';

export interface WireListener {
  /** Bytes as they came. They are ours: Node gives each read a buffer of its own. */
  onChunk(chunk: Buffer): void;
  /** The connection is gone; no chunk follows. Null when the other side closed it in order. */
  onClosed(error: Error | null): void;
}

const QUERY = 0x51; // Q
const TERMINATE = Buffer.from([0x58, 0, 0, 0, 4]); // X

/** The raw protocol on a connection that pg has opened: we write the messages, and all that arrives is ours. */
export class Wire {
  readonly #socket: Socket;
  #error: Error | null = null;
  #closed = false;

  constructor(socket: Socket, listener: WireListener) {
    this.#socket = socket;
    socket.on('data', (chunk) => listener.onChunk(chunk as Buffer));
    socket.on('error', (error) => {
      this.#error = error;
    });
    socket.on('end', () => socket.destroy());
    socket.on('close', () => {
      if (this.#closed) return;
      this.#closed = true;
      listener.onClosed(this.#error);
    });
  }

  /** Simple query: Byte1('Q') Int32 length, String sql. */
  query(sql: string): void {
    const length = Buffer.byteLength(sql);
    const message = Buffer.alloc(1 + 4 + length + 1);
    message[0] = QUERY;
    message.writeInt32BE(4 + length + 1, 1);
    message.write(sql, 5);
    this.write(message);
  }

  write(message: Buffer): void {
    if (!this.#socket.destroyed) this.#socket.write(message);
  }

  /** Stops reading: the kernel's buffers fill up, then the server waits. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Says goodbye if the socket still takes it, and does not wait for what the server had under way. The listener hears nothing more. */
  close(): Promise<void> {
    this.#closed = true;
    const socket = this.#socket;
    if (socket.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      socket.once('close', () => resolve());
      socket.write(TERMINATE, () => socket.destroy());
      // A server that reads nothing must not keep us from ending.
      setTimeout(() => socket.destroy(), 200).unref();
    });
  }
}

/** What we know of pg's inside; a contract test pins it. */
interface ClientInternals {
  readonly connection: { readonly stream: Socket };
  readonly readyForQuery: boolean;
}

/**
 * Takes the socket away from pg's parser. The session must be idle: then the server has nothing to say until we ask, and
 * no byte can fall between the two parsers. pg's listeners for errors and the end stay; its client is of no use any more.
 */
export function takeOver(client: Client, listener: WireListener): Wire {
  const { connection, readyForQuery } = client as unknown as ClientInternals;
  const parsers = connection.stream.listeners('data');
  if (!readyForQuery || parsers.length !== 1) {
    throw new Error(`pg's client is not as we know it: ready ${readyForQuery}, ${parsers.length} parsers`);
  }
  connection.stream.removeListener('data', parsers[0] as () => void);
  return new Wire(connection.stream, listener);
}
