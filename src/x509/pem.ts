// Owns certificates as text (RFC 7468 §5): finding them in what somebody wrote, whatever stands around them, and writing one.

/** Each with its first and last line. */
export function certificatesIn(text: string): string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}

/** The octets between those lines; whether they are a certificate is not looked at. */
export function derOfPem(pem: string): Buffer {
  return Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');
}

/** In one line, which every parser takes, though RFC 7468 §2 has 64 characters in each: it is for OpenSSL's eyes alone. */
export function pemOf(der: Buffer): string {
  return `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`;
}
