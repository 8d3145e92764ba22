/** A file of fixtures/avro: what Apicurio's AvroData made of the records that the real Debezium gave for a scenario. */
export interface JudgedScenario {
  readonly scenario: string;
  readonly schemas: readonly JudgedSchema[];
}

export interface JudgedSchema {
  /** JSON text of the Connect schema. */
  readonly connect: string;
  /** JSON text of the Avro schema, as Avro's Java library prints it. */
  readonly avro: string;
  readonly values: readonly {
    /** JSON text. */
    readonly payload: string;
    /** In Avro's binary encoding. */
    readonly hex: string;
  }[];
}
