// Owns the exit codes: the conventional ones of BSD's sysexits, so that a service manager or a script can tell whose hand mends it.
import type { StartErrorKind } from '../errors/start-error.ts';

export const EXIT_OK = 0;
/** What was to be found out was found out, and it is a no. */
export const EXIT_DIFFERENT = 1;
export const EXIT_USAGE = 64;
export const EXIT_INTERNAL = 70;

/** What was asked for is not there, although the question was right: a no, told as a problem. */
export class NotThere extends Error {}

export const EXIT_OF_KIND: Readonly<Record<StartErrorKind, number>> = {
  usage: EXIT_USAGE,
  data: 65,
  unreadable: 66,
  unavailable: 69,
  permission: 77,
  config: 78,
};

/** For the help: each code and what it says. */
export const EXIT_CODES: readonly (readonly [number, string])[] = [
  [EXIT_OK, 'done'],
  [
    EXIT_DIFFERENT,
    'tests of a policy fail, two policies differ, nothing is stored, no such exchange is recorded, something stored was damaged, a program does not trust the proxy, there is no CA, ' +
      'or something is left to do for one to be trusted',
  ],
  [EXIT_USAGE, 'the command line is wrong'],
  [EXIT_OF_KIND.data, 'a policy, or what is in another file, is wrong; a reload was refused'],
  [EXIT_OF_KIND.unreadable, 'a file cannot be read'],
  [EXIT_OF_KIND.unavailable, 'an address is in use or not available; no proxy to ask'],
  [EXIT_INTERNAL, 'a defect of Sallyport'],
  [EXIT_OF_KIND.permission, 'no permission'],
  [EXIT_OF_KIND.config, 'a setting is wrong'],
];
