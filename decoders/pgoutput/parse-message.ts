import { Cursor } from '../cursor.ts';
import { DecodeError } from '../decode-error.ts';
import { SpanArena } from '../span-arena.ts';
import type { Message } from './message.ts';
import {
  parseBeginPrepare,
  parseCommitPrepared,
  parsePrepare,
  parseRollbackPrepared,
  parseStreamPrepare,
} from './prepared-messages.ts';
import { RelationCache } from './relation-cache.ts';
import { parseType } from './relation-messages.ts';
import { parseDelete, parseInsert, parseTruncate, parseUpdate, type RowContext } from './row-messages.ts';
import { parseStreamAbort, parseStreamCommit, parseStreamStart, parseStreamStop } from './stream-messages.ts';
import { parseBegin, parseCommit, parseLogicalMessage, parseOrigin } from './transaction-messages.ts';

export interface MessageParserOptions {
  /** The stream was asked for with `streaming 'parallel'` (protocol 4): stream aborts are longer then. */
  readonly parallelStreaming?: boolean;
}

/**
 * Every pgoutput message of protocol versions 1 to 4, one by one, as a {@link Message}. It keeps what the wire format
 * itself needs: the announced relations, and whether we are inside a stream block.
 */
export class MessageParser {
  readonly #context: RowContext = { relations: new RelationCache(), arena: new SpanArena() };
  readonly #cursor = new Cursor(Buffer.alloc(0));
  readonly #parallelStreaming: boolean;
  #inStreamBlock = false;

  constructor(options: MessageParserOptions = {}) {
    this.#parallelStreaming = options.parallelStreaming ?? false;
  }

  /** Decodes the message `bytes[start, end)`, which must fill the range exactly. */
  parse(bytes: Buffer, start = 0, end = bytes.length): Message {
    const cursor = this.#cursor;
    cursor.reset(bytes, start, end);
    const type = String.fromCharCode(cursor.uint8());
    switch (type) {
      case 'I':
        return parseInsert(cursor, this.#xid(), this.#context);
      case 'U':
        return parseUpdate(cursor, this.#xid(), this.#context);
      case 'D':
        return parseDelete(cursor, this.#xid(), this.#context);
      case 'T':
        return parseTruncate(cursor, this.#xid(), (id, at) => this.#context.relations.get(id, at));
      case 'R': {
        const xid = this.#xid();
        return { kind: 'relation', xid, table: this.#context.relations.announce(cursor) };
      }
      case 'Y':
        return parseType(cursor, this.#xid());
      case 'M':
        return parseLogicalMessage(cursor, this.#xid());
      case 'B':
        return parseBegin(cursor);
      case 'C':
        return parseCommit(cursor);
      case 'O':
        return parseOrigin(cursor);
      case 'S': {
        this.#expectStreamBlock(false, 'stream start');
        const message = parseStreamStart(cursor);
        this.#inStreamBlock = true;
        return message;
      }
      case 'E': {
        this.#expectStreamBlock(true, 'stream stop');
        const message = parseStreamStop(cursor);
        this.#inStreamBlock = false;
        return message;
      }
      case 'c':
        return parseStreamCommit(cursor);
      case 'A':
        return parseStreamAbort(cursor, this.#parallelStreaming);
      case 'b':
        return parseBeginPrepare(cursor);
      case 'P':
        return parsePrepare(cursor);
      case 'K':
        return parseCommitPrepared(cursor);
      case 'r':
        return parseRollbackPrepared(cursor);
      case 'p':
        return parseStreamPrepare(cursor);
      default:
        throw new DecodeError(`unknown pgoutput message type ${JSON.stringify(type)}`, start);
    }
  }

  #xid(): number | null {
    return this.#inStreamBlock ? this.#cursor.uint32() : null;
  }

  #expectStreamBlock(inside: boolean, what: string): void {
    if (this.#inStreamBlock !== inside) {
      throw new DecodeError(`${what} ${inside ? 'outside' : 'inside'} of a stream block`, this.#cursor.position - 1);
    }
  }
}
