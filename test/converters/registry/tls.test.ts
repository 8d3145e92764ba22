import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { RegistryClient } from '../../../src/converters/registry/client.ts';
import { registrySettings, registryTls } from '../../../src/converters/registry/from-config.ts';
import { createHttpSend } from '../../../src/converters/registry/http.ts';
import { TailraceError } from '../../../src/model/errors.ts';
import { configOf } from '../../pipeline/fake-source.ts';
import { type Certificates, createCertificates } from '../../services/tls.ts';

describe('a registry behind TLS', () => {
  let folder: string;
  let certificates: Certificates;
  let server: Server;
  let url: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tailrace-registry-tls-'));
    certificates = createCertificates(folder, '127.0.0.1', 'app');
    const pem = (file: string): Buffer => readFileSync(file);
    const { serverCertFile, serverKeyFile, caFile } = certificates;
    const options = { cert: pem(serverCertFile), key: pem(serverKeyFile), ca: pem(caFile), requestCert: true };
    server = createServer({ ...options, rejectUnauthorized: false }, (request, response) => {
      const isKnown = (request.socket as unknown as { authorized: boolean }).authorized;
      response
        .writeHead(isKnown ? 200 : 401)
        .end(JSON.stringify(isKnown ? { id: 9 } : { error_code: 401, message: 'who?' }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const ask = (properties: Readonly<Record<string, string>>, at = url): Promise<number> => {
    const entries = Object.entries(properties).map(([key, value]) => [
      `value.converter.schema.registry.ssl.${key}`,
      value,
    ]);
    const config = configOf({
      'value.converter': 'Avro',
      'value.converter.schema.registry.url': at,
      ...Object.fromEntries(entries),
    });
    const client = new RegistryClient(registrySettings(config, 'value'), createHttpSend(registryTls(config, 'value')));
    const schema = { subject: 's', schema: '"int"', type: 'AVRO' } as const;
    return client.register(schema, new AbortController().signal);
  };

  test('is trusted by the authority that is named, and knows our certificate, from files and from the configuration', async () => {
    const { caFile, clientCertFile, clientKeyFile } = certificates;
    const own = {
      'keystore.certificate.chain': readFileSync(clientCertFile, 'utf8'),
      'keystore.key': readFileSync(clientKeyFile, 'utf8'),
    };
    assert.equal(await ask({ 'truststore.location': caFile, ...own }), 9);
    assert.equal(await ask({ 'truststore.certificates': readFileSync(caFile, 'utf8'), ...own }), 9);
    await assert.rejects(ask({ 'truststore.location': caFile }), /who\?/);
  });

  test('is refused when nobody vouches for it, when another does, or for another name', async () => {
    const { caFile, otherCaFile } = certificates;
    const other = url.replace('127.0.0.1', 'localhost');
    for (const [properties, at] of [
      [{}, url],
      [{ 'truststore.location': otherCaFile }, url],
      [{ 'truststore.location': caFile }, other],
    ] as const) {
      await assert.rejects(ask(properties, at), (error) => {
        assert.ok(error instanceof TailraceError);
        assert.equal(error.code, 'converter.registry_refused');
        assert.match(error.remedy ?? '', /schema\.registry\.ssl\.truststore\.location/);
        return true;
      });
    }
    const unchecked = { 'truststore.location': caFile, 'endpoint.identification.algorithm': '' };
    await assert.rejects(ask(unchecked, other), /who\?/);
  });

  test('a store that is not there says which key names it', async () => {
    await assert.rejects(ask({ 'truststore.location': join(folder, 'none.p12') }), (error) => {
      assert.ok(error instanceof TailraceError);
      assert.match(error.remedy ?? '', /value\.converter\.schema\.registry\.ssl\.truststore\.location/);
      return true;
    });
  });
});
