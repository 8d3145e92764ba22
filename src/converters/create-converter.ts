import {
  AVRO_CONVERTER,
  type ConverterConfig,
  JSON_CONVERTER,
  JSON_SCHEMA_CONVERTER,
  SIMPLE_HEADER_CONVERTER,
  STRING_CONVERTER,
} from '../config/converters.ts';
import type { Converter, HeaderConverter } from '../model/plugin.ts';
import { createAvroConverter } from './avro/avro-converter.ts';
import { createJsonConverter } from './json/json-converter.ts';
import { CONNECT_JSON } from './json/json-value.ts';
import { createJsonSchemaConverter } from './json-schema/json-schema-converter.ts';
import { createPrimitiveConverter } from './primitive-converter.ts';
import { registrySettings, registryTls } from './registry/from-config.ts';
import { createHttpSend } from './registry/http.ts';
import { createSimpleHeaderConverter } from './simple-header.ts';
import { createStringConverter } from './string-converter.ts';

/** The converter of keys or of values that a connector's configuration names. */
export function createConverter(config: ConverterConfig, side: 'key' | 'value'): Converter {
  const name = config[`${side}.converter`];
  const json = {
    decimalFormat: config[`${side}.converter.decimal.format`],
    replaceNullWithDefault: config[`${side}.converter.replace.null.with.default`],
  };
  const keepsNull = config[`${side}.converter.ignore.default.for.nullables`];
  switch (name) {
    case JSON_CONVERTER:
      return createJsonConverter({ ...json, schemasEnable: config[`${side}.converter.schemas.enable`] });
    case AVRO_CONVERTER:
      return createAvroConverter({
        side,
        registry: registrySettings(config, side),
        send: createHttpSend(registryTls(config, side)),
        connectMetaData: config[`${side}.converter.connect.meta.data`],
        scrubInvalidNames: config[`${side}.converter.scrub.invalid.names`],
        keepsNull,
      });
    case JSON_SCHEMA_CONVERTER:
      return createJsonSchemaConverter({
        side,
        registry: registrySettings(config, side),
        send: createHttpSend(registryTls(config, side)),
        decimalFormat: json.decimalFormat,
        replaceNullWithDefault: !keepsNull,
      });
    case STRING_CONVERTER:
      return createStringConverter();
    default:
      return createPrimitiveConverter(name);
  }
}

export function createHeaderConverter(config: ConverterConfig): HeaderConverter {
  const name = config['header.converter'];
  if (name === SIMPLE_HEADER_CONVERTER) return createSimpleHeaderConverter();
  const converter =
    name === STRING_CONVERTER
      ? createStringConverter()
      : createJsonConverter({ ...CONNECT_JSON, schemasEnable: config['header.converter.schemas.enable'] });
  return { toBytes: ({ key, schema, value }) => ({ key, value: converter.toBytes('', schema, value) }) };
}
