import ZongJi, { type ZongJiOptions } from '@vlasky/zongji';
import type { Connection } from 'mysql2/promise';
import { internals, type RawInternals } from './connection.ts';

/** What mysql2 gives a command for each packet; none of it is in its types. */
interface WirePacket {
  readonly buffer: Buffer;
  /** Of the payload; the length and sequence number of the packet lie before it. */
  readonly offset: number;
  readonly end: number;
  isEOF(): boolean;
}

type PacketHandler = (packet: WirePacket, connection: RawInternals) => PacketHandler | null;

interface BinlogCommand {
  /** An error packet, and the end of the connection, come here. */
  onResult?(error: Error): void;
  start(packet: WirePacket, connection: RawInternals): PacketHandler;
}

/** The parts of a ZongJi that its types leave out, or say less of. */
interface OpenZongJi extends Omit<ZongJi, 'connection' | 'on' | 'once'> {
  BinlogClass: new (callback: () => void) => BinlogCommand;
  readonly connection: RawInternals | null;
  on(event: 'ready', listener: () => void): void;
  on(event: 'error', listener: (error: Error) => void): void;
  once(event: 'stopped', listener: () => void): void;
}

export interface DumpListener {
  /** The connection that the dump will be sent over is there: what is queried now is answered before it begins. */
  onReady(connection: RawInternals): void;
  /** The event `bytes[start, end)`, whole; the bytes are valid during the call alone. */
  onEvent(bytes: Buffer, start: number, end: number): void;
  /** The server refused the dump or ended it, or the connection failed. May come more than once. */
  onError(error: Error): void;
}

/**
 * A dump command by ZongJi, which makes its connection (with the settings of `control`), announces what MariaDB wants to know
 * and asks; what the server then sends comes to `listener` undecoded. A test of the contract pins how.
 */
export class DumpCommand {
  readonly #zongji: OpenZongJi;

  constructor(control: Connection, options: ZongJiOptions, listener: DumpListener) {
    const zongji = new ZongJi(internals(control) as never) as unknown as OpenZongJi;
    this.#zongji = zongji;
    zongji.on('error', (error) => listener.onError(error));
    zongji.on('ready', () => {
      zongji.BinlogClass = class extends zongji.BinlogClass {
        override onResult(error: Error): void {
          listener.onError(error);
        }

        override start(packet: WirePacket, connection: RawInternals): PacketHandler {
          super.start(packet, connection);
          return this.onPacket;
        }

        onPacket(packet: WirePacket): PacketHandler | null {
          if (packet.isEOF()) {
            listener.onError(new Error('Connection lost: the server has ended the dump'));
            return null;
          }
          // The first byte of the payload says that an event follows.
          listener.onEvent(packet.buffer, packet.offset + 1, packet.end);
          return this.onPacket;
        }
      };
      if (zongji.connection !== null) listener.onReady(zongji.connection);
    });
    zongji.start(options);
  }

  /** Of the dump; null once it was stopped. */
  get connection(): RawInternals | null {
    return this.#zongji.connection;
  }

  /** Ends the dump here and, by `control`, on the server, where it would live until its next heartbeat. Does not reject. */
  async stop(): Promise<void> {
    const { connection } = this.#zongji;
    const stopped = new Promise<void>((resolve) => this.#zongji.once('stopped', resolve));
    this.#zongji.stop();
    // mysql2 closes its half only.
    connection?.stream.destroy();
    await stopped;
  }
}
