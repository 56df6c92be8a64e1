// Owns finding a claim of a JSON Web Token by its name, and what counts as its values: a text, a number or a truth as text, a list as its members.

/**
 * @param name  a claim, or a path into objects: `realm_access.roles`; a claim whose own name has the dots in it comes first
 * @returns nothing for a claim that is missing, null or an object
 */
export function claimValues(claims: Readonly<Record<string, unknown>> | null, name: string): readonly string[] {
  if (claims === null) return NOTHING;
  const value = Object.hasOwn(claims, name) ? claims[name] : name.split('.').reduce<unknown>(member, claims);
  if (Array.isArray(value)) return value.flatMap(asTexts);
  return asTexts(value);
}

function member(value: unknown, name: string): unknown {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject && Object.hasOwn(value, name) ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

function asTexts(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'number' || typeof value === 'boolean' ? [String(value)] : NOTHING;
}

const NOTHING: readonly string[] = Object.freeze([]);
