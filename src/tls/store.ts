import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { TailraceError } from '../model/errors.ts';
import { readPkcs12 } from './pkcs12.ts';

/** A file that a configuration names as keystore or truststore. */
export interface StoreFile {
  readonly file: string;
  readonly password: string | null;
  /** The configuration's keys for the two. */
  readonly key: string;
  readonly passwordKey: string;
  /** What its errors are. */
  readonly code: 'source.tls' | 'log.tls';
}

/** PEM texts. */
export interface Store {
  readonly certificates: string;
  readonly keys: string;
}

/** What a PEM or PKCS12 file holds. Throws an error that names the configuration's key; a Java keystore is told how to convert. */
export async function readStore(store: StoreFile): Promise<Store> {
  const { file, key, passwordKey, code } = store;
  const bytes = readTlsFile(store);
  const magic = bytes.length < 4 ? 0 : bytes.readUInt32BE(0);
  // JKS and JCEKS, by the first bytes that the JDK writes.
  if (magic === 0xfeedfeed || magic === 0xcececece) {
    throw new TailraceError(code, `${file} is a Java keystore (JKS), which only Java reads`, {
      remedy: `Convert it: keytool -importkeystore -srckeystore ${file} -destkeystore ${file}.p12 -deststoretype PKCS12; then set ${key} to ${file}.p12.`,
    });
  }
  // A DER sequence: no PEM text begins with 0x30, the digit zero.
  if (bytes[0] !== 0x30) return splitPem(bytes.toString('latin1'));
  try {
    return await readPkcs12(bytes, store.password);
  } catch (cause) {
    throw new TailraceError(code, `${file} cannot be opened as a PKCS12 store`, {
      remedy: `Check ${passwordKey}, and that ${file} is a PKCS12 store or a PEM file.`,
      cause,
    });
  }
}

/** The blocks of a PEM text. Lines may have become one, as in a properties file: what is between the marks is cut anew. */
export function splitPem(text: string): Store {
  const blocks = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----(.+?)-----END \1-----/gs)].map(
    ([whole, label, body]) => ({ label: label!, pem: wrapped(whole, label!, body!) }),
  );
  const labelled = (pattern: RegExp): string =>
    blocks.flatMap(({ label, pem }) => (pattern.test(label) ? [pem] : [])).join('\n');
  return { certificates: labelled(/CERTIFICATE$/), keys: labelled(/PRIVATE KEY$/) };
}

function wrapped(whole: string, label: string, body: string): string {
  const base64 = body.replace(/\s+/g, '');
  // A block with headers (RFC 1421), such as an encrypted key in OpenSSL's old form, is left as it is.
  if (!/^[A-Za-z0-9+/=]+$/.test(base64)) return whole;
  return [`-----BEGIN ${label}-----`, ...base64.match(/.{1,64}/g)!, `-----END ${label}-----`].join('\n');
}

/** A private key without its encryption, PEM. `from` says where it stands. */
export function openKey(
  key: string,
  at: {
    readonly from: string;
    readonly password: string;
    readonly passwordKey: string;
    readonly code: StoreFile['code'];
  },
): string {
  try {
    const opened = createPrivateKey({ key, format: 'pem', passphrase: at.password });
    return opened.export({ type: 'pkcs8', format: 'pem' }) as string;
  } catch (cause) {
    throw new TailraceError(at.code, `the private key in ${at.from} cannot be opened`, {
      remedy: `Check ${at.passwordKey}.`,
      cause,
    });
  }
}

function readTlsFile({ file, key, code }: StoreFile): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new TailraceError(code, `cannot read ${file} (${(cause as NodeJS.ErrnoException).code})`, {
      remedy: `Check the path and the permissions of ${key}.`,
      cause,
    });
  }
}
