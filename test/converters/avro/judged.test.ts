import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isSameLayout } from '../../../src/converters/avro/avro-layout.ts';
import { formatAvroSchema } from '../../../src/converters/avro/avro-schema.ts';
import { AvroSink } from '../../../src/converters/avro/avro-sink.ts';
import { writeAvroValue } from '../../../src/converters/avro/avro-value.ts';
import { avscWriter } from '../../../src/converters/avro/avsc-type.ts';
import { toAvroSchema } from '../../../src/converters/avro/connect-to-avro.ts';
import type { Schema, Value } from '../../../src/model/schema.ts';
import { createStruct } from '../../../src/model/schema.ts';
import type { JudgedScenario } from '../../oracle/avro/judged.ts';
import { parseConnectJson } from '../connect-json.ts';
import { avroType } from '../registry/reader.ts';

// What the real Debezium gave and Apicurio's copy of Confluent's AvroData made of it: node test/oracle/avro/record.ts.
const folder = join(import.meta.dirname, '..', '..', '..', 'fixtures', 'avro');
const mapping = { connectMetaData: true, scrubInvalidNames: false };

function encode(schema: Schema, value: Value): Buffer {
  const sink = new AvroSink(Buffer.alloc(1));
  writeAvroValue(sink, schema, value);
  return Buffer.from(sink.buffer.subarray(0, sink.position));
}

/** The judge reads its records from JSON, where NaN and the infinities are texts, which Connect reads as 0, and -0.0 is 0.0. */
function asJudgeRead(value: Value): Value {
  if (typeof value === 'number') return Number.isFinite(value) && value !== 0 ? value : 0;
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array || value instanceof Map) return value;
  if (Array.isArray(value)) return value.map(asJudgeRead);
  const struct = createStruct();
  for (const [name, inner] of Object.entries(value as object)) struct[name] = asJudgeRead(inner as Value);
  return struct;
}

describe('schemas and bytes are those of AvroData, for records of Debezium', () => {
  for (const file of readdirSync(folder).sort()) {
    const { scenario, schemas } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as JudgedScenario;
    test(scenario, () => {
      for (const { connect, avro, values } of schemas) {
        const { schema } = parseConnectJson(`{"schema":${connect},"payload":null}`);
        assert.equal(formatAvroSchema(toAvroSchema(schema, mapping)), avro);
        assert.ok(isSameLayout(avro, avro));
        const reader = avroType(avro);
        for (const { payload, hex } of values) {
          const value = asJudgeRead(parseConnectJson(`{"schema":${connect},"payload":${payload}}`).value);
          assert.equal(avscWriter(schema, false).toBuffer(value).toString('hex'), hex);
          const bytes = encode(schema, value);
          assert.equal(bytes.toString('hex'), hex);
          // As a consumer reads it that has the schema alone, and writes it again.
          assert.equal(reader.toBuffer(reader.fromBuffer(bytes)).toString('hex'), hex);
        }
      }
    });
  }
});
