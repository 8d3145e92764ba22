import { readFileSync } from 'node:fs';

/** Clock ticks of /proc/<pid>/stat: USER_HZ, 100 a second on every Linux platform. */
const TICKS_PER_SECOND = 100;

/** User and system time that a running process, with all its threads, has used. Linux only. */
export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // After `pid (command)`: state is field 3, utime 14, stime 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** The most memory that a running process has held at a time, in MB of 10^6 bytes. Linux only. */
export function peakRssMbOf(pid: number): number {
  const match = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return (Number(match?.[1] ?? Number.NaN) * 1024) / 1e6;
}
