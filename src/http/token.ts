// Owns the token of RFC 9110 §5.6.2: what methods, names of fields and names of directives are made of. That of structured fields is another one
// (structured-fields.ts): it takes `:` and `/`, too.

export function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) if (IS_TOKEN[text.charCodeAt(i)] !== 1) return false;
  return text.length > 0;
}

/** tchar, by code. */
export const IS_TOKEN = new Uint8Array(256);
for (const c of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") IS_TOKEN[c.charCodeAt(0)] = 1;
