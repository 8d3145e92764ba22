import ZongJi, { type ZongJiOptions } from '@vlasky/zongji';
import type { Connection } from 'mysql2';

/** What mysql2 gives a command for each packet; none of it is in its types. */
interface WirePacket {
  readonly buffer: Buffer;
  /** Of the payload; the length and sequence number of the packet lie before it. */
  readonly offset: number;
  readonly end: number;
  isEOF(): boolean;
}

type PacketHandler = (packet: WirePacket, connection: Connection) => PacketHandler | null;

interface BinlogCommand {
  /** mysql2's habit: an error packet goes here, without it to the command's event `error`, that nobody listens to. */
  onResult?(error: Error): void;
  start(packet: WirePacket, connection: Connection): PacketHandler;
}

/** The parts of a ZongJi that its types leave out. */
export interface TappedZongJi extends ZongJi {
  BinlogClass: new (callback: () => void) => BinlogCommand;
  readonly connection: Connection;
  isMariaDb: boolean;
}

export interface BinlogTap {
  /** Before the dump command: what is queried here is answered first. */
  onReady?(zongji: TappedZongJi): void;
  /** One whole event; the bytes are the connection's own, and gone after the call. */
  onEvent(event: Buffer): void;
  /** The server refused the dump or ended it with an error, or the connection failed. */
  onError(error: Error): void;
  /** The server has sent everything and was asked not to wait. */
  onEnd?(): void;
}

/** A dump whose packets come to `tap` as they are: ZongJi connects and asks, and decodes nothing. */
export function tapBinlog(url: string, options: ZongJiOptions, tap: BinlogTap): TappedZongJi {
  const zongji = new ZongJi(url as never) as TappedZongJi;
  zongji.on('error', (error: Error) => tap.onError(error));
  zongji.on('ready', () => {
    zongji.BinlogClass = class extends zongji.BinlogClass {
      override onResult(error: Error): void {
        tap.onError(error);
      }

      override start(packet: WirePacket, connection: Connection): PacketHandler {
        super.start(packet, connection);
        return this.onPacket;
      }

      onPacket(packet: WirePacket): PacketHandler | null {
        if (packet.isEOF()) {
          tap.onEnd?.();
          return null;
        }
        // The first byte of the payload says that an event follows.
        tap.onEvent(packet.buffer.subarray(packet.offset + 1, packet.end));
        return this.onPacket;
      }
    };
    tap.onReady?.(zongji);
  });
  zongji.start(options);
  return zongji;
}

/** Settles when the connections are closed. */
export function endTap(zongji: TappedZongJi): Promise<void> {
  return new Promise((stopped) => {
    zongji.once('stopped', () => stopped());
    zongji.stop();
  });
}
