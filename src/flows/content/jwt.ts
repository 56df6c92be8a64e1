// Owns showing what a JSON Web Token says (RFC 7519) without believing it: nobody's signature is verified here, and the view says so.

export interface ShownJwt {
  /** JSON, as it stands in the token. */
  readonly header: string;
  readonly payload: string;
  /** What its times mean: `expires 2026-01-01T00:00:00Z`. */
  readonly times: readonly (readonly [name: string, value: string])[];
}

/** @param text  the token alone, or behind `Bearer `. @returns `null` where it is none. @throws never */
export function readJwt(text: string): ShownJwt | null {
  const [, header64, payload64] = /^(?:Bearer\s+)?(eyJ[\w-]{1,65536})\.([\w-]{2,1048576})\.[\w-]*$/i.exec(text.trim()) ?? [];
  if (header64 === undefined || payload64 === undefined) return null;
  const header = Buffer.from(header64, 'base64url').toString('utf8');
  const payload = Buffer.from(payload64, 'base64url').toString('utf8');
  if (objectOf(header) === null) return null;
  const claims = objectOf(payload) ?? {};
  const times = Object.entries(TIMES).flatMap(([claim, name]): [string, string][] => {
    const seconds = claims[claim];
    return typeof seconds === 'number' && Math.abs(seconds) < 8.64e12 ? [[name, new Date(seconds * 1000).toISOString()]] : [];
  });
  return { header, payload, times };
}

function objectOf(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** RFC 7519 §4.1. */
const TIMES = { exp: 'expires', nbf: 'not before', iat: 'issued' } as const;
