import { parentPort, workerData } from 'node:worker_threads';
import { keysOf } from './record-batches.ts';
import { TopicReader } from './topic-reader.ts';

/*
 * A thread of its own, so that nobody who writes holds it up: notes when a consumer has each record in its hands, by the
 * machine's monotonic clock. Posts the ids, which are in the keys, and the nanoseconds, once it has seen so many ids.
 */
const { host, port, topic, count } = workerData as { host: string; port: number; topic: string; count: number };

const ids: number[] = [];
const times: bigint[] = [];
using reader = new TopicReader({ host, port, topic, minBytes: 1, maxWaitMs: 500 });
parentPort!.postMessage('reading');
while (ids.length < count) {
  const batches = await reader.next();
  const nowNs = process.hrtime.bigint();
  for (const batch of batches) {
    for (const key of keysOf(batch)) {
      ids.push((JSON.parse(key!.toString()) as { id: number }).id);
      times.push(nowNs);
    }
  }
}
parentPort!.postMessage({ ids, times });
