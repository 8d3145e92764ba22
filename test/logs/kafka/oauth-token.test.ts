import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { OAuthConfig } from '../../../src/config/kafka-access.ts';
import { OAuthTokens } from '../../../src/logs/kafka/oauth-token.ts';
import { TailraceError } from '../../../src/model/errors.ts';

interface Asked {
  readonly body: string;
  readonly authorization: string | undefined;
}

/** A token endpoint that answers as it is told, the last way again and again. */
async function endpoint(t: TestContext, ...answers: readonly ((response: ServerResponse) => void)[]) {
  const asked: Asked[] = [];
  const server = createServer(async (request: IncomingMessage, response) => {
    const body = (await request.toArray()).join('');
    asked.push({ body, authorization: request.headers.authorization });
    answers[Math.min(asked.length, answers.length) - 1]!(response);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/token?key=url-secret`);
  return {
    asked,
    tokens: (changes: Partial<OAuthConfig> = {}) => new OAuthTokens({ ...config(url), ...changes }, null),
  };
}

function config(url: URL): OAuthConfig {
  return {
    endpoint: url,
    client: { id: 'me', secret: 'top-secret' },
    scope: null,
    extensions: {},
    urlEncodesHeader: false,
    trust: null,
    connectTimeoutMs: 5000,
    readTimeoutMs: 5000,
    retryBackoffMs: 1,
    retryBackoffMaxMs: 10,
    refreshBufferMs: 300_000,
  };
}

const json = (status: number, body: unknown) => (response: ServerResponse) => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
};
const token = (name: string, seconds: number) => json(200, { access_token: name, expires_in: seconds });
const jwt = (expMs: number): string => {
  const claims = Buffer.from(JSON.stringify({ exp: Math.floor(expMs / 1000) })).toString('base64url');
  return `e30.${claims}.x`;
};

async function refusal(tokens: OAuthTokens): Promise<TailraceError> {
  try {
    await tokens.token();
  } catch (error) {
    assert.ok(error instanceof TailraceError, String(error));
    for (const secret of ['top-secret', 'url-secret']) {
      assert.ok(!`${error.message}${error.remedy}`.includes(secret), error.message);
    }
    return error;
  }
  return assert.fail('there was a token');
}

test('a token is asked for once, by however many connections, until it is about to end', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_700_000_000_000 });
  const { asked, tokens } = await endpoint(t, token('one', 3600), token('two', 3600));
  const source = tokens({ scope: 'kafka read' });
  assert.deepEqual(await Promise.all([source.token(), source.token(), source.token()]), ['one', 'one', 'one']);
  assert.deepEqual(asked, [
    {
      body: 'grant_type=client_credentials&scope=kafka+read',
      authorization: `Basic ${Buffer.from('me:top-secret').toString('base64')}`,
    },
  ]);
  t.mock.timers.setTime(1_700_000_000_000 + 3_299_000);
  assert.equal(await source.token(), 'one');
  t.mock.timers.setTime(1_700_000_000_000 + 3_301_000);
  assert.equal(await source.token(), 'two');
});

test('a short token lasts four fifths of its life, by its own word where it is a JWT', async (t) => {
  const start = 1_700_000_000_000;
  t.mock.timers.enable({ apis: ['Date'], now: start });
  const { asked, tokens } = await endpoint(t, json(200, { access_token: jwt(start + 100_000), expires_in: 9999 }));
  const source = tokens();
  await source.token();
  t.mock.timers.setTime(start + 79_000);
  await source.token();
  assert.equal(asked.length, 1);
  t.mock.timers.setTime(start + 81_000);
  await source.token();
  assert.equal(asked.length, 2);
});

test('while a token is valid, a fresh one that cannot be had is no failure', async (t) => {
  const start = 1_700_000_000_000;
  t.mock.timers.enable({ apis: ['Date'], now: start });
  const { tokens } = await endpoint(t, token('one', 100), json(503, {}));
  const source = tokens();
  assert.equal(await source.token(), 'one');
  t.mock.timers.setTime(start + 90_000);
  assert.equal(await source.token(), 'one');
  t.mock.timers.setTime(start + 101_000);
  assert.equal((await refusal(source)).code, 'log.connect');
});

test('a token without a life is for one use', async (t) => {
  const { asked, tokens } = await endpoint(t, json(200, { access_token: 'x' }));
  const source = tokens();
  await source.token();
  await source.token();
  assert.equal(asked.length, 2);
});

test('passing faults are tried again, and told when they stay', async (t) => {
  const { asked, tokens } = await endpoint(
    t,
    json(503, {}),
    (response) => void response.destroy(),
    json(429, {}),
    token('x', 100),
  );
  assert.equal(await tokens().token(), 'x');
  assert.equal(asked.length, 4);
  const away = await endpoint(t, json(500, { error: 'top-secret' }));
  const error = await refusal(away.tokens());
  assert.equal(error.code, 'log.connect');
  assert.match(error.message, /the token endpoint http:\/\/127\.0\.0\.1:\d+\/token answered 500/);
  assert.ok(away.asked.length > 2);
});

test('an answer that does not come is given up', async (t) => {
  const { tokens } = await endpoint(t, () => {});
  const error = await refusal(tokens({ readTimeoutMs: 30, retryBackoffMaxMs: 1 }));
  assert.match(error.message, /did not answer within 30 ms/);
});

test('what is no token endpoint is told with the key', async (t) => {
  const answers = [
    json(404, {}),
    json(302, {}),
    json(200, { token: 'x' }),
    json(200, { access_token: 'two words' }),
    (response: ServerResponse) => void response.end('<html>'),
  ];
  for (const answer of answers) {
    const { asked, tokens } = await endpoint(t, answer);
    const error = await refusal(tokens());
    assert.equal(error.code, 'log.setting');
    assert.match(error.remedy!, /sasl\.oauthbearer\.token\.endpoint\.url/);
    assert.equal(asked.length, 1);
  }
});

test('what a refusal repeats of the request is not shown', async (t) => {
  const { tokens } = await endpoint(
    t,
    json(401, { error: 'no client with top-secret', error_description: 'top-secret' }),
  );
  const error = await refusal(tokens());
  assert.equal(error.code, 'log.authentication');
  assert.match(error.message, /refused client me: 401$/);
});

test('client and secret are URL-encoded only where that is asked for', async (t) => {
  const client = { id: 'a b:c', secret: 'd&é' };
  const { asked, tokens } = await endpoint(t, json(200, { access_token: 'x' }));
  await tokens({ client }).token();
  await tokens({ client, urlEncodesHeader: true }).token();
  const sent = asked.map(({ authorization }) =>
    Buffer.from(authorization!.slice('Basic '.length), 'base64').toString(),
  );
  assert.deepEqual(sent, ['a b:c:d&é', 'a+b%3Ac:d%26%C3%A9']);
});
