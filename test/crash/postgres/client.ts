import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { isServerFault } from './load.ts';

/** Through a server that is on its way back. */
export async function openClient(url: string): Promise<pg.Client> {
  for (let attempt = 1; ; attempt++) {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => {});
    try {
      await client.connect();
      return client;
    } catch (error) {
      if (attempt === 100 || !isServerFault(error)) throw error;
      await sleep(50);
    }
  }
}
