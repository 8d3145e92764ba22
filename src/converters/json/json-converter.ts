import type { Converter } from '../../model/plugin.ts';
import type { Schema, Value } from '../../model/schema.ts';
import { formatJsonSchema } from './json-schema.ts';
import { JsonSink } from './json-sink.ts';
import type { JsonFormat } from './json-value.ts';

export interface JsonConverterOptions extends JsonFormat {
  /** `schemas.enable`: every record is `{"schema":...,"payload":...}`. */
  readonly schemasEnable: boolean;
}

export interface JsonConverter extends Converter {
  readonly options: JsonConverterOptions;
  /** What stands before and after the payload: two empty strings without schemas. */
  wrapper(schema: Schema): readonly [before: string, after: string];
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

  return {
    options,
    toBytes(_topic, schema, value) {
      if (schema === null) return value === null ? null : schemaless(value);
      write(schema, value, options.schemasEnable ? wrapperOf(schema) : null);
      return Buffer.from(sink.buffer.subarray(0, sink.position));
    },
    wrapper(schema) {
      const [before, after] = wrapperOf(schema);
      return [before.toString(), after.toString()];
    },
    text(schema, value) {
      write(schema, value, null);
      return sink.buffer.toString('utf8', 0, sink.position);
    },
  };
}

/** Every value that tailrace makes has a schema; one without it is a mistake of a transform. */
function schemaless(value: Value): never {
  throw new TypeError(`a ${value === null ? 'null' : typeof value} value needs a schema to be written as JSON`);
}
