import type { DebeziumConfig } from '../config/debezium.ts';
import type { ColumnRules } from './table-shape.ts';

/** The column settings of a configuration as one question each. Asked once per table version. */
export function columnRules(config: DebeziumConfig): ColumnRules {
  const included = config['column.include.list'];
  const excluded = config['column.exclude.list'];
  const transforms = [
    ...config['column.truncate.to.<n>.chars'],
    ...config['column.mask.with.<n>.chars'],
    ...config['column.mask.hash.<algorithm>.with.salt.<salt>'],
  ];
  const keys = config['message.key.columns'] ?? [];
  return {
    includes(columnId) {
      if (included !== null) return included.matches(columnId);
      return excluded === null || !excluded.matches(columnId);
    },
    keyColumns(collectionId) {
      return keys.find(({ tables }) => tables.test(collectionId))?.columns ?? null;
    },
    transform(columnId) {
      return transforms.find(({ columns }) => columns.matches(columnId))?.transform ?? null;
    },
    propagates(columnId, typeIds) {
      const byType = config['datatype.propagate.source.type'];
      return (
        config['column.propagate.source.type']?.matches(columnId) === true ||
        (byType !== null && typeIds.some((id) => byType.matches(id)))
      );
    },
  };
}
