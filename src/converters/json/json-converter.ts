import type { Converter } from '../../model/plugin.ts';
import type { Schema, Value } from '../../model/schema.ts';
import { createJsonFormat } from './json-format.ts';
import { formatJsonSchema } from './json-schema.ts';
import { JsonSink } from './json-sink.ts';
import type { JsonFormat } from './json-value.ts';

export interface JsonConverterOptions extends JsonFormat {
  /** `schemas.enable`: every record is `{"schema":...,"payload":...}`. */
  readonly schemasEnable: boolean;
}

export interface JsonConverter extends Converter {
  readonly options: JsonConverterOptions;
  /** The JSON text of a value, without a wrapper. */
  text(schema: Schema, value: Value): string;
}

/** Kafka's org.apache.kafka.connect.json.JsonConverter, writing side. Schema texts are kept by schema identity. */
export function createJsonConverter(options: JsonConverterOptions): JsonConverter {
  const wrappers = new WeakMap<Schema, readonly [Buffer, Buffer]>();
  const sink = new JsonSink(undefined, options);

  const wrapperOf = (schema: Schema): readonly [Buffer, Buffer] => {
    let wrapper = wrappers.get(schema);
    if (wrapper === undefined) {
      const [before, after] = options.schemasEnable
        ? [`{"schema":${formatJsonSchema(schema, options)},"payload":`, '}']
        : ['', ''];
      wrapper = [Buffer.from(before), Buffer.from(after)];
      wrappers.set(schema, wrapper);
    }
    return wrapper;
  };

  /** The text stays in the sink until the next call. */
  const write = (schema: Schema, value: Value, wrapper: readonly [Buffer, Buffer] | null): void => {
    sink.position = 0;
    if (wrapper !== null) sink.raw(wrapper[0]);
    sink.value(schema, value);
    if (wrapper !== null) sink.raw(wrapper[1]);
  };

  const text = (schema: Schema, value: Value): string => {
    write(schema, value, null);
    return sink.buffer.toString('utf8', 0, sink.position);
  };
  const frame = (_topic: string, schema: Schema): { readonly start: Buffer; readonly end: Buffer } => {
    const [start, end] = wrapperOf(schema);
    return { start, end };
  };

  return {
    options,
    text,
    // The codecs of decimals write them as bytes; as numbers they take the structured plan.
    ...(options.decimalFormat === 'NUMERIC' ? {} : { format: createJsonFormat({ format: options, text, frame }) }),
    toBytes(_topic, schema, value) {
      if (schema === null) return value === null ? null : schemaless(value);
      write(schema, value, options.schemasEnable ? wrapperOf(schema) : null);
      return Buffer.from(sink.buffer.subarray(0, sink.position));
    },
  };
}

/** Every value that tailrace makes has a schema; one without it is a mistake of a transform. */
function schemaless(value: Value): never {
  throw new TypeError(`a ${value === null ? 'null' : typeof value} value needs a schema to be written as JSON`);
}
