import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { TcpProxy } from './tcp-proxy.ts';

/** A server that sends back what it gets, and a proxy before it. */
async function useEcho(t: TestContext): Promise<TcpProxy> {
  const server = createServer((socket) => socket.on('error', () => {}).pipe(socket));
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const proxy = await TcpProxy.to((server.address() as { port: number }).port);
  t.after(async () => {
    await proxy[Symbol.asyncDispose]();
    server.close();
  });
  return proxy;
}

async function open(proxy: TcpProxy): Promise<Socket> {
  const socket = connect(proxy.port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

async function echoed(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  let got = '';
  while (got.length < text.length) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    got += chunk.toString();
  }
  return got;
}

test('bytes pass in order, also while the latency changes', async (t) => {
  const proxy = await useEcho(t);
  const socket = await open(proxy);
  const text = Array.from({ length: 200 }, (_, i) => `${i} `);
  let got = '';
  socket.on('data', (chunk: Buffer) => {
    got += chunk.toString();
  });
  for (const [i, part] of text.entries()) {
    proxy.delay(i % 3 === 0 ? 2 : 0);
    socket.write(part);
    await new Promise(setImmediate);
  }
  socket.end();
  await once(socket, 'close');
  assert.equal(got, text.join(''));
});

test('a cut ends the connections and refuses new ones until it is open again', async (t) => {
  const proxy = await useEcho(t);
  const before = await open(proxy);
  assert.equal(await echoed(before, 'a'), 'a');
  proxy.cut();
  await once(before, 'close');
  const during = connect(proxy.port, '127.0.0.1');
  await once(during, 'close');
  proxy.open();
  const after = await open(proxy);
  assert.equal(await echoed(after, 'b'), 'b');
  after.destroy();
});

test('a reset is seen as one', async (t) => {
  const proxy = await useEcho(t);
  const socket = await open(proxy);
  assert.equal(await echoed(socket, 'a'), 'a');
  proxy.reset();
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNRESET');
});

test('while it is silent nothing comes through and nothing is lost', async (t) => {
  const proxy = await useEcho(t);
  const socket = await open(proxy);
  assert.equal(await echoed(socket, 'a'), 'a');
  proxy.silence();
  const got: string[] = [];
  socket.on('data', (chunk: Buffer) => got.push(chunk.toString()));
  socket.write('held');
  const late = await open(proxy);
  late.write('back');
  // Long enough for bytes that were not held back to arrive.
  await new Promise((wake) => setTimeout(wake, 50));
  assert.deepEqual(got, []);
  proxy.open();
  while (got.join('') !== 'held') await once(socket, 'data');
  const [chunk] = (await once(late, 'data')) as [Buffer];
  assert.equal(chunk.toString(), 'back');
  socket.destroy();
  late.destroy();
});
