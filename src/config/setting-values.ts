// Owns how a setting is read, whatever it is: one value, a list, a group, a group that may be written as one value; and what is said of one that is wrong,
// without showing it where it may be a secret.
import * as z from 'zod';
import { parseCount, parseDuration, parseLifetime, parseOctets, parseSize, shown } from '../match/units.ts';

/** Makes a path absolute, from the folder that paths of one source are relative to. */
export type ResolvePath = (path: string) => string;

/** One value of text or number; `parse` throws an Error whose message is fit to print. */
export function scalar<T>(parse: (value: string | number) => T) {
  return z.unknown().transform((value, context): T => {
    try {
      if (typeof value === 'string' || typeof value === 'number') return parse(value);
      throw new Error(`expected one value; found ${kindOf(value)}`);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
      return z.NEVER;
    }
  });
}

/** A list, or its only member. */
export function list<T extends z.ZodType>(member: T, least: 0 | 1 = 1) {
  return z.preprocess(
    (value) => (typeof value === 'string' || typeof value === 'number' || isGroup(value) ? [value] : value),
    z
      .array(member, { error: ({ input }) => `expected a list; found ${kindOf(input)}` })
      .min(least, 'expected at least one in this list; it is empty'),
  );
}

/** A group of settings; empty when everything in it is commented out. */
export function group<T extends z.ZodRawShape>(shape: T) {
  return z.preprocess((value) => value ?? {}, settingsGroup(shape));
}

/** A group that may be written as the one value of its chief setting. */
export function shorthand<T extends z.ZodRawShape>(chief: keyof T & string, shape: T) {
  const whole = settingsGroup(shape).register(SHORTHANDS, { chief });
  return z.preprocess((value) => (typeof value === 'string' ? { [chief]: value } : (value ?? {})), whole);
}

const SHORTHANDS = z.registry<{ readonly chief: string }>();

export function settingsGroup<T extends z.ZodRawShape>(shape: T) {
  return wholeGroup(shape).partial();
}

/** A group in which what is not optional has to be said. */
export function wholeGroup<T extends z.ZodRawShape>(shape: T) {
  return z.strictObject(shape, { error: ({ input }) => `expected a group of settings; found ${kindOf(input)}` });
}

/** The chief setting of a group that may be written as its value alone; `undefined` of every other group. */
export function chiefOf(group: z.ZodObject): string | undefined {
  return SHORTHANDS.get(group)?.chief;
}

/** What a setting is, without what lets it be absent or be written shorter, and without what is made of it. */
export function inside(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodOptional) return inside(schema.unwrap());
  if (!(schema instanceof z.ZodPipe)) return schema;
  return inside(schema.in instanceof z.ZodTransform ? schema.out : schema.in);
}

/** A path, made absolute. */
export function pathFrom(resolvePath: ResolvePath) {
  return scalar((value) => resolvePath(nonEmpty(value)));
}

/** The same, or the word `off`. @param off what that word becomes */
export function pathOrOff(resolvePath: ResolvePath, off = 'off') {
  return scalar((value) => (value === 'off' ? off : resolvePath(nonEmpty(value))));
}

export function nonEmpty(value: string | number): string {
  const text = String(value);
  if (text === '' || text.includes('\0')) throw new Error(`expected a path; found ${shown(value)}`);
  return text;
}

export function oneOf<T extends string>(value: string | number, known: readonly T[]): T {
  const found = known.find((each) => each === value);
  if (found === undefined) throw new Error(`expected one of ${known.join(', ')}; found ${shown(value)}`);
  return found;
}

export function atLeastOne(octets: number): number {
  if (octets === 0) throw new Error('expected a size of at least 1B; found 0');
  return octets;
}

export function isGroup(value: unknown): value is Readonly<Record<PropertyKey, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What something is, without showing it: a value in the wrong place may be a secret. */
function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a group';
  return typeof value === 'string' ? 'text' : `a ${typeof value}`;
}

export const size = scalar(parseSize);
export const count = scalar((value) => parseCount(value, 10_000_000));
/** A timer that cannot be off. */
export const timer = scalar((value) => parseDuration(value, 1));
export const period = scalar((value) => parseDuration(value, 0));
/** How long something is good for, in seconds. */
export const lifetime = scalar(parseLifetime);
export const capacity = scalar((value) => parseOctets(value));

export const text = scalar((value) => {
  if (value === '') throw new Error('expected a text; it is empty');
  return String(value);
});
export const flag = z.boolean({ error: ({ input }) => `expected true or false; found ${kindOf(input)}` });
/** A variable and a flag are text. */
export const truth = z.preprocess((value) => (value === 'true' ? true : value === 'false' ? false : value), flag);
