import type { RowOp } from '../../../decoders/change.ts';
import type { ColumnMapping } from '../../model/plugin.ts';
import type { RecordFormat, RowPieces } from '../../model/record-format.ts';
import type { Schema, Value } from '../../model/schema.ts';
import { JsonSink } from './json-sink.ts';
import type { JsonFormat } from './json-value.ts';

export interface JsonRecordFormatOptions {
  readonly format: JsonFormat;
  /** The JSON text of a value. */
  text(schema: Schema, value: Value): string;
  /** What stands before and after a payload. */
  frame: RecordFormat['frame'];
}

/** Records as JSON text. */
export function createJsonFormat({ format, text, frame }: JsonRecordFormatOptions): RecordFormat {
  return {
    kind: 'json',
    createSink: (slab) => new JsonSink(slab, format),
    frame,
    row: (columns) => rowPieces(columns, text),
    envelope: {
      before: Buffer.from('{"before":'),
      after: Buffer.from(',"after":'),
      source: Buffer.from(',"source":'),
      noRow: Buffer.from('null'),
      row: Buffer.alloc(0),
      tail(op: RowOp, nowMicros: number): Buffer {
        const times = `"ts_ms":${Math.floor(nowMicros / 1000)},"ts_us":${nowMicros},"ts_ns":${nowMicros}000}`;
        return Buffer.from(`,"transaction":null,"op":"${op}",${times}`);
      },
    },
    sourceWriter: (block) => block.jsonWriter(),
  };
}

const NAME: Schema = { type: 'string', optional: false };

function rowPieces(columns: readonly ColumnMapping[], text: JsonRecordFormatOptions['text']): RowPieces {
  const before = columns.map(({ name }, i) => Buffer.from(`${i === 0 ? '{' : ','}${text(NAME, name)}:`));
  const whole = (i: number, schema: Schema, value: Value): Buffer =>
    Buffer.concat([before[i]!, Buffer.from(text(schema, value))]);
  return {
    before,
    codecs: columns.map(({ codec }) => codec),
    missing: columns.map(({ codec }, i) => whole(i, codec.schema, codec.missing)),
    unavailable: columns.map(({ codec }, i) => whole(i, codec.schema, codec.unavailable)),
    end: Buffer.from(columns.length === 0 ? '{}' : '}'),
  };
}
