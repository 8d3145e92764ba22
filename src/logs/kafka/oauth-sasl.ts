import type { KafkajsAuthentication } from './kafkajs-internals.ts';
import { KafkaRequestError } from './request-error.ts';
import type { KafkaSaslSettings } from './settings.ts';

/** ASCII SOH, between the parts of a message of RFC 7628. */
const SEPARATOR = '\x01';

/**
 * SASL/OAUTHBEARER (RFC 7628) for kafkajs. Its own takes the first answer of the broker for a success; a broker that does not like the
 * token sends the reason in it, as JSON, and fails only when that is acknowledged.
 */
export function oauthAuthentication(
  sasl: KafkaSaslSettings & { readonly mechanism: 'oauthbearer' },
): KafkajsAuthentication {
  return ({ host, port, saslAuthenticate }) => ({
    authenticate: async () => {
      const challenge = await saslAuthenticate({
        request: message(initialResponse(await sasl.token(), sasl.extensions)),
        response: { decode: async (bytes) => bytes, parse: async (bytes) => bytes },
      });
      // An int32 of the length, then the bytes.
      const reason = challenge?.toString('utf8', 4) ?? '';
      if (reason === '') return;
      await saslAuthenticate({ request: message(SEPARATOR) }).catch(() => {
        // Expected: what it says is less than the challenge.
      });
      throw new KafkaRequestError('SaslAuthenticate', {
        type: 'SASL_AUTHENTICATION_FAILED',
        broker: `${host}:${port}`,
        reason: statusOf(reason),
      });
    },
  });
}

/** `n,,` no channel binding and no other identity, then `auth=Bearer <token>` and `<name>=<value>` for each extension. */
function initialResponse(token: string, extensions: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(extensions).map(([name, value]) => `${name}=${value}${SEPARATOR}`);
  return `n,,${SEPARATOR}auth=Bearer ${token}${SEPARATOR}${pairs.join('')}${SEPARATOR}`;
}

function message(text: string): { encode(): Promise<Buffer> } {
  return {
    encode: async () => {
      const bytes = Buffer.alloc(4 + Buffer.byteLength(text));
      bytes.writeInt32BE(bytes.length - 4);
      bytes.write(text, 4);
      return bytes;
    },
  };
}

/** `{"status":"invalid_token"}`. */
function statusOf(reason: string): string {
  const status = /"status"\s*:\s*"([\w-]+)"/.exec(reason)?.[1];
  return status === undefined ? 'the token is not accepted' : `the token is not accepted (${status})`;
}
