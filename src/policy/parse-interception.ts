// Owns what stands beside `intercept` about clients that do not let their TLS be opened, and, beside `allow` too, which faults of certificates count as
// none. Refuses what says two things: that nothing passes unopened, and when it does.
import { parseLifetime } from '../match/units.ts';
import { oneOf, Refused, readValue, readValues, refusing } from './parse-values.ts';
import type { AcceptedFault, RuleInterception } from './policy.ts';
import { type Entry, report, type Source, shown } from './yaml-source.ts';

/** Beside intercept. */
export const INTERCEPTION_KEYS = ['on_pinned', 'passthrough_for', 'inspect'] as const;
export const ON_PINNED = ['refuse', 'passthrough'] as const satisfies readonly RuleInterception['onPinned'][];
export const FAULTS = ['expired', 'wrong_name', 'untrusted'] as const satisfies readonly AcceptedFault[];

export function readInterception(source: Source, entries: ReadonlyMap<string, Entry>): RuleInterception {
  const onPinned = entries.get('on_pinned');
  const passthroughFor = entries.get('passthrough_for');
  const isRequired = readValue(source, entries.get('inspect'), 'inspect', 'required', oneOf(['required'])) !== null;
  const choice = readValue(source, onPinned, 'on_pinned', 'refuse or passthrough', oneOf(ON_PINNED));
  if (isRequired && choice === 'passthrough')
    report(source, onPinned!.offset, `on_pinned: not passthrough beside 'inspect: required', under which nothing passes unopened`);
  if (passthroughFor !== undefined && choice !== 'passthrough')
    report(source, passthroughFor.offset, `passthrough_for: only beside 'on_pinned: passthrough'; it is how long that holds`);
  return {
    onPinned: choice ?? 'refuse',
    passthroughSeconds: readValue(source, passthroughFor, 'passthrough_for', 'a period such as 1h', period) ?? AN_HOUR_SECONDS,
    isRequired,
  };
}

/** @returns `null` where the key is left out */
export function readAcceptCertificate(source: Source, entry: Entry | undefined): readonly AcceptedFault[] | null {
  return entry === undefined ? null : readValues(source, entry, 'dangerously_accept_certificate', FAULT_EXPECTED, acceptedFault);
}

function acceptedFault(text: string): AcceptedFault | Refused {
  const fault = FAULTS.find((each) => each === text);
  if (fault !== undefined) return fault;
  if (!/^sha-?256[:=]/i.test(text)) return refusedFault(text);
  // Tools print it with colons, in capitals.
  const digits = text
    .replace(/^[^:=]*[:=]/, '')
    .replaceAll(':', '')
    .toLowerCase();
  if (/^[0-9a-f]{64}$/.test(digits)) return `sha256:${digits}`;
  return new Refused(`a SHA-256 fingerprint has 64 hexadecimal digits; found ${shown(text)}`);
}

function refusedFault(text: string): Refused {
  const other = oneOf(FAULTS)(text);
  const hint = other instanceof Refused ? (/; did you mean .*$/.exec(other.message)?.[0] ?? '') : '';
  return new Refused(`expected ${FAULT_EXPECTED}; found ${shown(text)}${hint}`);
}

function period(text: string): number | Refused {
  const seconds = refusing(parseLifetime)(text);
  return seconds === 0 ? new Refused(`0 lets nothing pass; write 'on_pinned: refuse' instead`) : seconds;
}

const FAULT_EXPECTED = 'expired, wrong_name, untrusted, or the fingerprint of one certificate as sha256:HEX';
const AN_HOUR_SECONDS = 3_600;
