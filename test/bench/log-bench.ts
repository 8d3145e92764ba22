// CPU, latency, memory and size of the embedded log on its own:
//   node test/bench/log-bench.ts [records = 1000000]
import { statSync } from 'node:fs';
import { openSqliteLog } from '../../src/logs/sqlite/log.ts';
import type { EncodedRecords } from '../../src/model/record.ts';
import { seededRandom, TempFolder } from '../logs/sqlite/log-fixture.ts';

const total = Number(process.argv[2] ?? 1_000_000);
const random = seededRandom(7);
let id = 0;

// The peak is of the whole process so far: it counts for the first line only.
for (const [rows, count] of [
  [1000, total],
  [10_000, total],
  [100, total / 10],
  [1, 5000],
] as const) {
  await run(rows, count);
}

async function run(rows: number, count: number): Promise<void> {
  using folder = new TempFolder();
  const path = folder.file();
  const batches = Array.from({ length: Math.min(20, Math.ceil(20_000 / rows)) }, () => envelopes(rows));
  const log = openSqliteLog({ path });
  const epoch = await log.fence('bench');
  log.partitionsOf('bench.public.orders');
  const latencies: number[] = [];
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  let bytes = 0;
  for (let done = 0, i = 0; done < count; done += rows, i++) {
    const records = batches[i % batches.length]!;
    bytes += records.length;
    const beganMs = performance.now();
    await log.append({
      connector: 'bench',
      epoch,
      records: [records],
      partition: { server: 'bench' },
      offset: {
        lsn_proc: 24_023_128 + i,
        lsn_commit: 24_023_128 + i,
        lsn: 24_023_128 + i,
        txId: 700 + i,
        ts_usec: 1e15 + i,
      },
      timestampMs: Date.now(),
    });
    latencies.push(performance.now() - beganMs);
  }
  const wallMs = performance.now() - startMs;
  const append = cpuSeconds(cpu);
  const peakMb = process.resourceUsage().maxRSS / 1024;
  const readCpu = process.cpuUsage();
  let read = 0;
  for await (const batch of log.readBatches({ topic: 'bench.public.orders', partition: 0, from: 0 }))
    read += batch.length;
  if (read < count) throw new Error(`appended ${count}, read ${read}`);
  await log.close();
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.floor(latencies.length * share)]!.toFixed(2);
  process.stdout.write(
    `${rows} rows an append: ${((append / count) * 1e6).toFixed(2)} CPU-s per 1M, ${((count / wallMs) * 1000).toFixed(0)} records/s, ` +
      `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, ${(bytes / count).toFixed(0)} B -> ${(statSync(path).size / count).toFixed(0)} B a record; ` +
      `peak RSS ${peakMb.toFixed(0)} MB; reading ${((cpuSeconds(readCpu) / read) * 1e6).toFixed(2)} CPU-s per 1M\n`,
  );
}

function cpuSeconds(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
}

function envelopes(count: number): EncodedRecords {
  const parts: Buffer[] = [];
  const index = new Int32Array(count * 3);
  for (let i = 0; i < count; i++) {
    id++;
    const op = random() < 0.7 ? 'c' : random() < 0.8 ? 'u' : 'd';
    const word = () => Math.floor(random() * 1e9).toString(36);
    const row = `{"id":${id},"customer_id":${Math.floor(random() * 1e6)},"status":"${op === 'c' ? 'new' : 'paid'}","amount":"${(random() * 1000).toFixed(2)}","note":"${word()} ${word()}","created_at":${1.7e15 + id * 1000}}`;
    const lsn = 24_023_128 + id * 160;
    const tsMs = 1.7e12 + id;
    const value = `{"before":${op === 'd' ? row : 'null'},"after":${op === 'd' ? 'null' : row},"source":{"version":"0.1.0","connector":"postgresql","name":"app","ts_ms":${tsMs},"snapshot":"false","db":"bench","sequence":"[\\"${lsn - 160}\\",\\"${lsn}\\"]","ts_us":${tsMs}000,"ts_ns":${tsMs}000000,"schema":"public","table":"orders","txId":${700 + Math.floor(id / 100)},"lsn":${lsn},"xmin":null},"transaction":null,"op":"${op}","ts_ms":${tsMs + 3},"ts_us":${tsMs + 3}120,"ts_ns":${tsMs + 3}120310}`;
    const key = `{"id":${id}}`;
    parts.push(Buffer.from(key), Buffer.from(value));
    index[i * 3] = key.length;
    index[i * 3 + 1] = value.length;
  }
  const bytes = Buffer.concat(parts);
  return { topic: 'bench.public.orders', partition: 0, count, bytes, length: bytes.length, index, headers: [] };
}
