import {
  type ConfigDef,
  type ConfigOf,
  ConfigValueError,
  type Issue,
  type RawConfig,
  type UnsupportedKey,
} from './config-def.ts';
import { choice, flag, structured, text } from './properties.ts';

const KAFKA = 'org.apache.kafka.connect';
export const JSON_CONVERTER = `${KAFKA}.json.JsonConverter`;
export const STRING_CONVERTER = `${KAFKA}.storage.StringConverter`;
export const SIMPLE_HEADER_CONVERTER = `${KAFKA}.storage.SimpleHeaderConverter`;
export const AVRO_CONVERTER = 'io.confluent.connect.avro.AvroConverter';
export const JSON_SCHEMA_CONVERTER = 'io.confluent.connect.json.JsonSchemaConverter';
const PRIMITIVE_CONVERTERS = [
  `${KAFKA}.converters.ByteArrayConverter`,
  `${KAFKA}.converters.BooleanConverter`,
  `${KAFKA}.converters.ShortConverter`,
  `${KAFKA}.converters.IntegerConverter`,
  `${KAFKA}.converters.LongConverter`,
  `${KAFKA}.converters.FloatConverter`,
  `${KAFKA}.converters.DoubleConverter`,
] as const;
const CONVERTERS = [
  JSON_CONVERTER,
  AVRO_CONVERTER,
  JSON_SCHEMA_CONVERTER,
  STRING_CONVERTER,
  ...PRIMITIVE_CONVERTERS,
] as const;
const HEADER_CONVERTERS = [SIMPLE_HEADER_CONVERTER, STRING_CONVERTER, JSON_CONVERTER] as const;
export type ConverterClass = (typeof CONVERTERS)[number];
export type HeaderConverterClass = (typeof HEADER_CONVERTERS)[number];

const APICURIO =
  'it speaks Apicurio’s own protocol and ids; Apicurio’s registry speaks Confluent’s too: use io.confluent.connect.avro.AvroConverter with schema.registry.url=http://<host>/apis/ccompat/v7, whose 4-byte ids are those of apicurio.registry.as-confluent';
const REFUSED = {
  'io.confluent.connect.protobuf.ProtobufConverter': `Protobuf is not written; use ${AVRO_CONVERTER} or ${JSON_SCHEMA_CONVERTER}`,
  'io.apicurio.registry.utils.converter.AvroConverter': APICURIO,
  'io.apicurio.registry.utils.converter.ExtJsonConverter': APICURIO,
  'io.apicurio.registry.utils.converter.ProtobufConverter': `Protobuf is not written; use ${AVRO_CONVERTER}`,
  'io.debezium.converters.CloudEventsConverter': `CloudEvents are not written; use ${JSON_CONVERTER} or ${AVRO_CONVERTER}`,
  'io.debezium.converters.BinaryDataConverter': `records are no single binary field; use ${JSON_CONVERTER} or ${AVRO_CONVERTER}`,
} as const;

/** The names that Connect's plugin loader makes of a class: without its package, and without `Converter`. */
function synonymsOf<const C extends readonly string[]>(classes: C): Readonly<Record<string, C[number]>> {
  return Object.fromEntries(
    classes.flatMap((name) => {
      const simple = name.slice(name.lastIndexOf('.') + 1);
      return [simple, simple.replace(/Converter$/, '')].map((synonym) => [synonym, name]);
    }),
  );
}

const STRATEGIES = 'io.confluent.kafka.serializers.subject.';
const TOPIC_STRATEGY = `${STRATEGIES}TopicNameStrategy`;
const SUBJECT_STRATEGIES = [
  TOPIC_STRATEGY,
  `${STRATEGIES}RecordNameStrategy`,
  `${STRATEGIES}TopicRecordNameStrategy`,
] as const;

/** Keys of one converter, without the `key.converter.` or `value.converter.` before them. */
function sideDef(side: 'key' | 'value') {
  const what = side === 'key' ? 'keys' : 'values';
  return {
    'schemas.enable': flag(true, {
      doc: `Whether each of the JSON ${what} carries its schema, \`{"schema": ..., "payload": ...}\`.${side === 'value' ? ' Without it records are several times smaller.' : ''}`,
    }),
    'decimal.format': choice(['BASE64', 'NUMERIC'], 'BASE64', {
      doc: `How decimals appear in JSON ${what}: Base64 of the unscaled value, or a JSON number.`,
    }),
    'replace.null.with.default': flag(true, {
      doc: `Whether a null in a field of JSON ${what} that has a default is written as that default. \`false\` keeps nulls as they are in the database.`,
    }),
    'schema.registry.url': {
      ...structured(parseUrls, {
        importance: 'medium',
        doc: `Schema registry of the Avro or JSON Schema converter of ${what}: one URL, or several with commas between, which are asked in turn. Apicurio’s is \`http://host:8080/apis/ccompat/v7\`.`,
      }),
      secretsIn: passwordsIn,
    },
    'basic.auth.credentials.source': choice(['URL', 'USER_INFO'], 'URL', {
      refused: { SASL_INHERIT: 'give the user and password in basic.auth.user.info, with USER_INFO' },
      doc: 'Where the user and password for the registry stand: in its URL, or in `basic.auth.user.info`.',
    }),
    'basic.auth.user.info': text(null, { secret: true, doc: 'User and password for the registry, `user:password`.' }),
    'bearer.auth.credentials.source': choice(['NONE', 'STATIC_TOKEN'], 'NONE', {
      refused: {
        OAUTHBEARER: 'the token must be given: STATIC_TOKEN and bearer.auth.token',
        SASL_OAUTHBEARER_INHERIT: 'the token must be given: STATIC_TOKEN and bearer.auth.token',
        CUSTOM: 'it names a Java class; use STATIC_TOKEN and bearer.auth.token',
      },
      doc: 'Whether a bearer token is sent to the registry.',
    }),
    'bearer.auth.token': text(null, { secret: true, doc: 'Bearer token for the registry.' }),
    'schema.registry.ssl.truststore.location': text(null, {
      doc: 'File of the certificates by which the registry is trusted, PEM or PKCS12. The system’s, when it is not set.',
    }),
    'schema.registry.ssl.truststore.password': text(null, { secret: true, doc: 'Password of that file.' }),
    'schema.registry.ssl.truststore.certificates': text(null, { doc: 'The certificates themselves, PEM.' }),
    'schema.registry.ssl.keystore.location': text(null, {
      doc: 'File of the client certificate and key for the registry, PEM or PKCS12.',
    }),
    'schema.registry.ssl.keystore.password': text(null, { secret: true, doc: 'Password of that file.' }),
    'schema.registry.ssl.keystore.certificate.chain': text(null, { doc: 'The client certificate itself, PEM.' }),
    'schema.registry.ssl.keystore.key': text(null, { secret: true, doc: 'The key itself, PEM.' }),
    'schema.registry.ssl.key.password': text(null, { secret: true, doc: 'Password of the key.' }),
    'schema.registry.ssl.endpoint.identification.algorithm': choice(['https', ''], 'https', {
      doc: 'Empty: the name in the registry’s certificate is not compared with its host.',
    }),
    'auto.register.schemas': flag(true, {
      importance: 'medium',
      doc: `Whether the schemas of ${what} are registered. Otherwise the registry must know them, and the task stops at one that it does not.`,
    }),
    'use.latest.version': flag(false, {
      doc: 'Whether records name the latest version of their subject. It must be the same but for documentation and defaults. Without effect while schemas are registered.',
    }),
    'normalize.schemas': flag(false, {
      doc: 'Whether the registry normalizes schemas before it compares or registers them.',
    }),
    'connect.meta.data': flag(true, {
      doc: 'Whether Avro schemas hold the names, versions, parameters and defaults of Connect’s schemas (`connect.name` and so on).',
    }),
    'scrub.invalid.names': flag(false, {
      doc: 'Whether characters that Avro’s names cannot have are replaced, as Confluent’s converter does it. See also `schema.name.adjustment.mode` and `field.name.adjustment.mode`.',
    }),
    'ignore.default.for.nullables': flag(false, {
      doc: 'Whether a null stays null in a field that has a default, in Avro and JSON Schema.',
    }),
  } as const;
}

type SideDef<S extends 'key' | 'value'> = {
  readonly [K in keyof ReturnType<typeof sideDef> as `${S}.converter.${K}`]: ReturnType<typeof sideDef>[K];
};

function prefixed<S extends 'key' | 'value'>(side: S): SideDef<S> {
  const entries = Object.entries(sideDef(side)).map(([key, property]) => [`${side}.converter.${key}`, property]);
  return Object.fromEntries(entries) as SideDef<S>;
}

function subjectStrategy(side: 'key' | 'value') {
  return choice(SUBJECT_STRATEGIES, TOPIC_STRATEGY, {
    type: 'CLASS',
    doc: `How the subjects of ${side}s are named: \`<topic>-${side}\`, by the record’s full name, or by both.`,
  });
}

/** How keys, values and headers become bytes. */
export const converterDef = {
  'key.converter': choice(CONVERTERS, JSON_CONVERTER, {
    type: 'CLASS',
    synonyms: synonymsOf(CONVERTERS),
    refused: REFUSED,
    doc: 'How keys become bytes.',
  }),
  ...prefixed('key'),
  'key.converter.key.subject.name.strategy': subjectStrategy('key'),
  'value.converter': choice(CONVERTERS, JSON_CONVERTER, {
    type: 'CLASS',
    synonyms: synonymsOf(CONVERTERS),
    refused: REFUSED,
    doc: 'How values become bytes.',
  }),
  ...prefixed('value'),
  'value.converter.value.subject.name.strategy': subjectStrategy('value'),
  'header.converter': choice(HEADER_CONVERTERS, SIMPLE_HEADER_CONVERTER, {
    type: 'CLASS',
    synonyms: synonymsOf(HEADER_CONVERTERS),
    doc: 'How record headers become bytes.',
  }),
  'header.converter.schemas.enable': flag(true, { doc: 'Whether each JSON header carries its schema.' }),
} as const;

export type ConverterConfig = ConfigOf<typeof converterDef>;

/** Whatever stands between a user's colon and the host, in its own form and as it is sent. */
function passwordsIn(urls: string): readonly string[] {
  const given = [...urls.matchAll(/:\/\/[^/,\s]*?:([^/,\s]*)@/g)].map(([, password]) => password!);
  return given.flatMap((password) => (password === '' ? [] : [password, ...decoded(password)]));
}

/** None where it is malformed, and then no URL either. */
function decoded(text: string): readonly string[] {
  try {
    return [decodeURIComponent(text)];
  } catch {
    return [];
  }
}

/** http and https URLs with commas between. */
function parseUrls(given: string): readonly string[] {
  return given.split(',').map((part) => {
    const url = part.trim();
    if (!URL.canParse(url) || !/^https?:\/\//.test(url)) {
      throw new ConfigValueError('is no list of URLs such as http://registry:8081');
    }
    return url;
  });
}

const NO_SUCH_SCHEMAS = 'schemas with enums or unions of Avro’s come from other converters only';
const SIDE_UNSUPPORTED: readonly UnsupportedKey[] = [
  { key: 'schemas.cache.size', effect: 'quiet', reason: 'schemas are kept per table version' },
  { key: 'schemas.cache.config', effect: 'quiet', reason: 'schemas are kept per table version' },
  { key: 'max.schemas.per.subject', effect: 'quiet', reason: 'schemas are kept per table version' },
  { key: 'enhanced.avro.schema.support', effect: 'quiet', reason: NO_SUCH_SCHEMAS },
  { key: 'generalized.sum.type.support', effect: 'quiet', reason: NO_SUCH_SCHEMAS },
  { key: 'allow.optional.map.keys', effect: 'quiet', reason: 'keys of maps are never optional' },
  {
    key: 'latest.compatibility.strict',
    effect: 'refused',
    reason: 'records would name a schema by which they cannot be read',
    inert: ['true'],
  },
  {
    key: 'discard.type.doc.default',
    effect: 'ignored',
    reason: 'documentation stays where connect.doc is',
    inert: ['false'],
  },
  { key: 'use.schema.id', effect: 'refused', reason: 'tables have schemas of their own', inert: ['-1'] },
  { key: 'use.latest.with.metadata', effect: 'refused', reason: 'versions are not chosen by metadata' },
  { key: 'id.compatibility.strict', effect: 'quiet', reason: 'it goes with use.schema.id' },
  { key: 'schema.registry.ssl.truststore.type', effect: 'quiet', reason: 'the file tells whether it is PEM or PKCS12' },
  { key: 'schema.registry.ssl.keystore.type', effect: 'quiet', reason: 'the file tells whether it is PEM or PKCS12' },
  { key: 'schema.registry.ssl.*', effect: 'ignored', reason: 'TLS is negotiated by Node’s defaults' },
  { key: 'object.additional.properties', effect: 'refused', reason: 'schemas are open', inert: ['true'] },
  {
    key: 'use.optional.for.nonrequired',
    effect: 'quiet',
    reason: 'it concerns the reading of records',
  },
  { key: 'converter.encoding', effect: 'refused', reason: 'text is UTF-8', inert: ['utf-8', 'utf8'] },
  { key: 'proxy.host', effect: 'refused', reason: 'the registry is reached without a proxy' },
  { key: 'proxy.port', effect: 'quiet', reason: 'the key proxy.host decides' },
  { key: 'converter.type', effect: 'quiet', reason: 'it follows from the key before it' },
  { key: 'specific.avro.reader', effect: 'quiet', reason: 'it concerns the reading of records' },
];

/** Keys of converters that mean nothing here, or that this version does not have. */
export const converterUnsupported: readonly UnsupportedKey[] = [
  ...(['key', 'value'] as const).flatMap((side) => [
    ...SIDE_UNSUPPORTED.map((entry) => ({ ...entry, key: `${side}.converter.${entry.key}` })),
    { key: `${side}.converter.*`, effect: 'ignored', reason: 'it is no setting of this converter' } as const,
  ]),
  { key: 'header.converter.*', effect: 'ignored', reason: 'it is no setting of this converter' },
];

/** Converters that a registry tells the ids of schemas. */
export function hasRegistry(converter: string): boolean {
  return converter === AVRO_CONVERTER || converter === JSON_SCHEMA_CONVERTER;
}

/** Keys of the JsonConverter, which others take no notice of either in Connect. */
const JSON_KEYS = ['schemas.enable', 'decimal.format', 'replace.null.with.default'];

/** The converter that is configured for a side; null where its key holds none, which is told where that is parsed. */
function converterOf(side: 'key' | 'value', def: ConfigDef, raw: RawConfig): string | null {
  const property = def[`${side}.converter`];
  if (property?.kind !== 'property') return null;
  try {
    return property.parse(raw[`${side}.converter`] ?? JSON_CONVERTER, () => {}) as string;
  } catch (error) {
    if (error instanceof ConfigValueError) return null;
    throw error;
  }
}

function simpleName(className: string): string {
  return className.slice(className.lastIndexOf('.') + 1);
}

/** What one key asks of another. */
export function converterContradictions(def: ConfigDef, raw: RawConfig): readonly Issue[] {
  const errors: Issue[] = [];
  for (const side of ['key', 'value'] as const) {
    const converter = converterOf(side, def, raw);
    if (converter === null || !hasRegistry(converter)) continue;
    const given = (key: string): string => (raw[`${side}.converter.${key}`] ?? '').trim();
    const need = (key: string, reason: string): void => {
      if (given(key) !== '') return;
      errors.push({ key: `${side}.converter.${key}`, message: `is required and not set: ${reason}` });
    };
    need('schema.registry.url', `${side}.converter is ${simpleName(converter)}`);
    for (const [source, value, needed] of [
      ['basic.auth.credentials.source', 'USER_INFO', 'basic.auth.user.info'],
      ['bearer.auth.credentials.source', 'STATIC_TOKEN', 'bearer.auth.token'],
    ] as const) {
      if (given(source).toUpperCase() === value) need(needed, `${side}.converter.${source} is ${value}`);
    }
  }
  return errors;
}

/** Keys of a registry where the converter asks none. */
export function converterOddities(def: ConfigDef, raw: RawConfig): readonly Issue[] {
  return (['key', 'value'] as const).flatMap((side) => {
    const converter = converterOf(side, def, raw);
    if (converter === null || hasRegistry(converter)) return [];
    const prefix = `${side}.converter.`;
    return Object.keys(raw).flatMap((key): Issue[] => {
      if (!key.startsWith(prefix) || def[key] === undefined || JSON_KEYS.includes(key.slice(prefix.length))) return [];
      return [{ key, message: `has no effect: ${side}.converter is ${simpleName(converter)}` }];
    });
  });
}
