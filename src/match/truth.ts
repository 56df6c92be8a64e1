// Owns what a condition comes to: true, false, or not known yet. What is not known stays so through `not`, `any` and `all` (Kleene's strong logic), so
// a condition that cannot be judged never lets anything pass by being turned round. The bits of an unknown say what is missing.

/** FALSE, TRUE, or the sum of the reasons why it is neither. */
export type Truth = number;
export const FALSE = 0;
export const TRUE = 1;
/** Who asks could still be found out. */
export const NEEDS_IDENTITY = 2;
/** The name has not been resolved. */
export const NEEDS_ADDRESS = 4;
/** The origin has not answered. */
export const NEEDS_RESPONSE = 8;
/** Nobody here will ever see it: it is inside a tunnel, or behind a parent proxy. */
export const HIDDEN = 16;
/** There is a value, and no single reading of it. */
export const UNUSABLE_PATH = 32;
export const UNUSABLE_QUERY = 64;
export const UNUSABLE_FIELD = 128;
export const UNUSABLE_TYPE = 256;
/** `Subject.isPathShut`: whether the path matters is to be found out before it is looked at. */
export const PATH_IS_SHUT = 512;
export const UNUSABLE_ADDRESS = 1024;
/** The client has not begun to speak inside its tunnel. */
export const NEEDS_HELLO = 2048;
/** It has too many parts for a list. */
export const UNUSABLE_URL = 4096;

export function truthOf(holds: boolean): Truth {
  return holds ? TRUE : FALSE;
}
