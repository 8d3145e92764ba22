import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { HealthProvider, LagReport, TaskStatus } from '../model/status.ts';
import { connectMetrics, debeziumMetrics, lagMetrics, type Metric, type ObservedTask } from './metric-table.ts';
import type { TaskCounters } from './task-counters.ts';

export interface ConnectorMetrics {
  readonly connector: string;
  /** `topic.prefix`: Debezium's label `name`. */
  readonly server: string;
  /** Debezium's label `plugin`: `postgres`. */
  readonly plugin: string;
  readonly counters: TaskCounters;
}

/**
 * `/metrics` in Prometheus' text form: Debezium's attributes and Connect's metrics under the names that the usual JMX exporter
 * rules give them, and what is not delivered yet of the database's log. Everything is read when it is scraped; nothing is done per change.
 */
export class Metrics {
  readonly contentType: string;
  readonly #registry = new Registry();
  readonly #gauges = new Map<string, Gauge>();
  readonly #connectors = new Map<string, ConnectorMetrics>();
  readonly #health: HealthProvider;
  readonly #clock: () => number;

  constructor(health: HealthProvider, clock: () => number) {
    this.#health = health;
    this.#clock = clock;
    this.contentType = this.#registry.contentType;
    collectDefaultMetrics({ register: this.#registry });
    for (const metric of [...debeziumMetrics, ...connectMetrics, ...lagMetrics]) {
      const { name, help, labels } = metric;
      this.#gauges.set(name, new Gauge({ name, help, labelNames: labels, registers: [this.#registry] }));
    }
  }

  register(connector: ConnectorMetrics): void {
    this.#connectors.set(connector.connector, connector);
  }

  async render(): Promise<string> {
    const tasks = this.#health.tasks().flatMap((status) => this.#observe(status));
    for (const metric of [...debeziumMetrics, ...connectMetrics]) this.#set(metric, tasks);
    const reports = await this.#health.lag();
    for (const metric of lagMetrics) this.#set(metric, reports);
    return this.#registry.metrics();
  }

  #observe(status: TaskStatus): readonly ObservedTask[] {
    const connector = this.#connectors.get(status.connector);
    return connector === undefined ? [] : [{ ...connector, status, nowMs: this.#clock() }];
  }

  #set<T extends ObservedTask | LagReport>(metric: Metric<T>, subjects: readonly T[]): void {
    const gauge = this.#gauges.get(metric.name)!;
    gauge.reset();
    for (const subject of subjects) {
      for (const { labels, value } of metric.read(subject)) {
        if (value !== null) gauge.set(labels, value);
      }
    }
  }
}
