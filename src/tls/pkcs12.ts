/**
 * Certificates and keys of a PKCS12 store (RFC 7292) as PEM, also of one with certificates alone, which Java calls a
 * truststore and OpenSSL does not read. Throws when the password does not open it.
 */
export async function readPkcs12(
  bytes: Buffer,
  password: string | null,
): Promise<{ readonly certificates: string; readonly keys: string }> {
  // Rarely needed, and not small.
  const { default: forge } = await import('node-forge');
  const store = forge.pkcs12.pkcs12FromAsn1(forge.asn1.fromDer(bytes.toString('latin1')), password ?? '');
  const certificates: string[] = [];
  const keys: string[] = [];
  for (const { safeBags } of store.safeContents) {
    for (const bag of safeBags) {
      // What is not RSA stays as it was in the file.
      const asn1 = bag.cert != null ? forge.pki.certificateToAsn1(bag.cert) : bag.asn1;
      if (bag.type === forge.pki.oids.certBag) certificates.push(pem('CERTIFICATE', asn1));
      else if (bag.type === forge.pki.oids.keyBag || bag.type === forge.pki.oids.pkcs8ShroudedKeyBag) {
        const rsa = bag.key == null ? null : forge.pki.wrapRsaPrivateKey(forge.pki.privateKeyToAsn1(bag.key));
        keys.push(pem('PRIVATE KEY', rsa ?? bag.asn1));
      }
    }
  }
  return { certificates: certificates.join('\n'), keys: keys.join('\n') };

  function pem(label: string, asn1: Parameters<typeof forge.asn1.toDer>[0]): string {
    const base64 = Buffer.from(forge.asn1.toDer(asn1).getBytes(), 'latin1').toString('base64');
    return [`-----BEGIN ${label}-----`, ...base64.match(/.{1,64}/g)!, `-----END ${label}-----`].join('\n');
  }
}
