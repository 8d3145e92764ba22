import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';

/** Files of a throw-away certificate authority and what it signed, all PEM. */
export interface Certificates {
  readonly caFile: string;
  /** An authority that signed nothing: verify-ca against it must fail. */
  readonly otherCaFile: string;
  readonly serverCertFile: string;
  readonly serverKeyFile: string;
  readonly clientCertFile: string;
  readonly clientKeyFile: string;
}

/**
 * Makes a CA, a server certificate and a client certificate in `dir` with the openssl program.
 * @param hostname name or address that the server certificate is for: verify-full against any other name must fail.
 * @param clientName common name of the client certificate, the Postgres role it logs in as.
 */
export function createCertificates(dir: string, hostname: string, clientName: string): Certificates {
  const path = (name: string): string => join(dir, name);
  const authority = (name: string): void =>
    openssl(
      ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${name}`].concat([
        '-keyout',
        path(`${name}.key`),
        '-out',
        path(`${name}.crt`),
      ]),
    );
  const signed = (name: string, subject: string, extensions: string): void => {
    openssl(
      ['req', '-newkey', 'rsa:2048', '-nodes', '-subj', `/CN=${subject}`].concat([
        '-keyout',
        path(`${name}.key`),
        '-out',
        path(`${name}.csr`),
      ]),
    );
    writeFileSync(path(`${name}.ext`), extensions);
    openssl(
      ['x509', '-req', '-days', '2', '-CAcreateserial', '-in', path(`${name}.csr`)]
        .concat(['-CA', path('ca.crt'), '-CAkey', path('ca.key')])
        .concat(['-extfile', path(`${name}.ext`), '-out', path(`${name}.crt`)]),
    );
  };
  authority('ca');
  authority('other-ca');
  signed('server', hostname, `subjectAltName=${isIP(hostname) === 0 ? 'DNS' : 'IP'}:${hostname}\n`);
  signed('client', clientName, 'extendedKeyUsage=clientAuth\n');
  return {
    caFile: path('ca.crt'),
    otherCaFile: path('other-ca.crt'),
    serverCertFile: path('server.crt'),
    serverKeyFile: path('server.key'),
    clientCertFile: path('client.crt'),
    clientKeyFile: path('client.key'),
  };
}

function openssl(args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
