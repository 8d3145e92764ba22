import { TailraceError } from '../../model/errors.ts';
import { type Situation, type Verdict, verdictOf } from './error-table.ts';
import { KafkaRequestError } from './request-error.ts';
import type { KafkaClientSettings } from './settings.ts';

/** Where the cluster is, for messages. */
export function clusterName({ brokers }: Pick<KafkaClientSettings, 'brokers'>): string {
  return `Kafka at ${brokers.join(',')}`;
}

/** What an error of Kafka, of its client or of a socket means for the operator. Other errors come back as they are. */
export function toLogError(error: unknown, settings: KafkaClientSettings, situation: Situation): unknown {
  if (!(error instanceof KafkaRequestError)) return error;
  const { topic, partition, broker, reason } = error;
  const where = broker === undefined ? clusterName(settings) : `Kafka at ${broker}`;
  const known: Situation = {
    ...situation,
    ...(topic === undefined ? {} : { topic }),
    ...(partition === undefined ? {} : { partition }),
    detail: reason ?? situation.detail ?? null,
    request: error.request,
  };
  const { code, message, remedy } =
    connectionVerdict(error, where, settings, known) ?? verdictOf(error.type, where, known);
  return new TailraceError(code, message, { remedy, cause: error });
}

/** Runs `work`, turning what Kafka's client throws into {@link TailraceError}s. */
export async function guarded<T>(
  settings: KafkaClientSettings,
  situation: Situation,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toLogError(error, settings, situation);
  }
}

/** Null: the broker has answered. */
function connectionVerdict(
  error: KafkaRequestError,
  where: string,
  settings: KafkaClientSettings,
  { doing }: Situation,
): Verdict | null {
  switch (error.type) {
    case 'CONNECT_FAILED':
      return connectVerdict(error, where, settings);
    case 'CONNECTION_LOST':
      return {
        code: 'log.unavailable',
        message: `${where} closed the connection while ${doing}.`,
        remedy: `It is tried again. ${listenerAdvice(settings)}`,
      };
    case 'CLIENT_CLOSED':
      return {
        code: 'log.unavailable',
        message: `${where} had not answered when it was time to stop, while ${doing}.`,
        remedy: 'Nothing is lost: the next start goes on from the checkpoint.',
      };
    case 'REQUEST_TIMEOUT':
      return {
        code: 'log.unavailable',
        message: `${where} did not answer within ${settings.requestTimeoutMs} ms while ${doing}.`,
        remedy: `It is tried again; request.timeout.ms gives it more time. ${listenerAdvice(settings)}`,
      };
    default:
      return null;
  }
}

function connectVerdict(error: KafkaRequestError, where: string, settings: KafkaClientSettings): Verdict {
  const said = `${error.reason ?? ''} ${error.cause instanceof Error ? error.cause.message : ''}`;
  const code = socketCode(error);
  const host = (error.broker ?? settings.brokers[0] ?? '').replace(/:\d+$/, '');
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return {
      code: 'log.connect',
      message: `There is no host ${host}: its name cannot be resolved.`,
      remedy: settings.brokers.some((broker) => broker === error.broker)
        ? 'Change bootstrap.servers.'
        : "It is a broker's own word for itself: set advertised.listeners of the brokers to names that are known here.",
    };
  }
  if (code === 'ECONNREFUSED') {
    return {
      code: 'log.connect',
      message: `${where} refuses connections: nothing listens there.`,
      remedy: 'Start the broker, or change bootstrap.servers.',
    };
  }
  const tls = tlsVerdict(code, said, where, settings);
  if (tls !== null) return tls;
  return {
    code: 'log.connect',
    message: `${where} cannot be reached${error.reason === undefined ? '' : `: ${error.reason.split('\n')[0]}`}.`,
    remedy: `Check bootstrap.servers and the network; socket.connection.setup.timeout.ms is ${settings.connectionTimeoutMs}. ${listenerAdvice(settings)}`,
  };
}

/** Node's and OpenSSL's codes of a certificate that is not trusted. */
const UNTRUSTED =
  /SELF_SIGNED|UNABLE_TO_(VERIFY|GET)|CERT_(UNTRUSTED|SIGNATURE|REJECTED|CHAIN)|self[- ]signed certificate|unable to (verify|get)/i;

function tlsVerdict(code: string, said: string, where: string, settings: KafkaClientSettings): Verdict | null {
  const fault = (message: string, remedy: string): Verdict => ({ code: 'log.tls', message, remedy });
  if (UNTRUSTED.test(`${code} ${said}`)) {
    return fault(
      `The certificate of ${where} is signed by nobody that is trusted here.`,
      'Set ssl.truststore.certificates (PEM), or ssl.truststore.location and ssl.truststore.type, to the CA of the brokers.',
    );
  }
  if (code === 'CERT_HAS_EXPIRED' || /certificate has expired/i.test(said)) {
    return fault(`The certificate of ${where} has expired.`, "Renew the broker's certificate.");
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return fault(
      `The certificate of ${where} is for another host name.`,
      'Name the broker in bootstrap.servers as its certificate does, or set ssl.endpoint.identification.algorithm to the empty string.',
    );
  }
  if (/alert (certificate required|bad certificate|handshake failure|unknown ca)/i.test(said)) {
    return fault(
      `${where} refused the TLS handshake: it wants another client certificate, or one at all.`,
      'Set ssl.keystore.certificate.chain and ssl.keystore.key (PEM), or ssl.keystore.location, to a certificate that the brokers trust.',
    );
  }
  if (/WRONG_VERSION_NUMBER|wrong version number|packet length too long/i.test(`${code} ${said}`)) {
    return fault(
      `${where} does not speak TLS on this port.`,
      `Change security.protocol from ${protocolOf(settings)} to ${plainOf(settings)}, or bootstrap.servers to the TLS port.`,
    );
  }
  if (/before secure TLS connection was established/i.test(said) || (settings.tls !== null && code === 'ECONNRESET')) {
    return fault(
      `${where} ended the connection in the TLS handshake.`,
      `If this port is without TLS, change security.protocol from ${protocolOf(settings)} to ${plainOf(settings)}, or bootstrap.servers to the TLS port; else check ssl.*.`,
    );
  }
  if (/^ERR_(SSL|TLS|OSSL)|EPROTO/.test(code)) {
    return fault(
      `The TLS handshake with ${where} failed: ${said.trim().split('\n')[0]}.`,
      'Check ssl.* and security.protocol.',
    );
  }
  return null;
}

/** What to look at where a broker just hangs up: so it does with a client of another security protocol. */
function listenerAdvice(settings: KafkaClientSettings): string {
  return `If it never worked, the listener may want another security.protocol than ${protocolOf(settings)}.`;
}

function protocolOf({ tls, sasl }: KafkaClientSettings): string {
  return sasl === null ? (tls === null ? 'PLAINTEXT' : 'SSL') : tls === null ? 'SASL_PLAINTEXT' : 'SASL_SSL';
}

function plainOf({ sasl }: KafkaClientSettings): string {
  return sasl === null ? 'PLAINTEXT' : 'SASL_PLAINTEXT';
}

/** Node's code of the error below, `''` if none has one. */
function socketCode(error: unknown): string {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const { code } = at as { code?: unknown };
    if (typeof code === 'string') return code;
  }
  return '';
}
