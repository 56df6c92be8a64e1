import { afterAll, describe, expect, test } from 'vitest';
import { ByteRate } from '../../../../src/net/byte-rate.ts';
import { Deadlines } from '../../../../src/net/deadlines.ts';
import { DailyBytes } from '../../../../src/policy/limits/daily-bytes.ts';
import { type Admission, type Asker, type Lease, Limits, MOST_KEYS } from '../../../../src/policy/limits/limits.ts';
import type { Rule, RuleLimits } from '../../../../src/policy/policy.ts';

const MIDNIGHT = Date.UTC(2026, 10, 23);
const deadlines = new Deadlines();
afterAll(() => deadlines.close());

describe('whom a limit counts for', () => {
  const alice: Asker = { user: 'alice', clientAddress: '10.0.0.1' };

  test.each<[RuleLimits['per'], string, Asker, boolean]>([
    ['user', 'the same user elsewhere', { user: 'alice', clientAddress: '10.0.0.2' }, true],
    ['user', 'another user at the same address', { user: 'bob', clientAddress: '10.0.0.1' }, false],
    ['user', 'nobody, at the same address', { user: null, clientAddress: '10.0.0.1' }, false],
    ['user', 'a user who is called as an address is counted', { user: 'client 10.0.0.1', clientAddress: '10.0.0.9' }, false],
    ['client', 'another user at the same address', { user: 'bob', clientAddress: '10.0.0.1' }, true],
    ['client', 'the same address, IPv4-mapped', { user: null, clientAddress: '::ffff:10.0.0.1' }, true],
    ['client', 'the same user elsewhere', { user: 'alice', clientAddress: '10.0.0.2' }, false],
    ['all', 'anybody', { user: 'bob', clientAddress: '10.9.9.9' }, true],
  ])('per %s: %s', (per, _, other, isSame) => {
    const { limits } = make();
    const limited = rule({ per, concurrent: 1 });
    lease(limits.admit(limited, alice, 0));
    expect(limits.admit(limited, other, 0).kind).toBe(isSame ? 'refused' : 'admitted');
  });

  test('who is nobody is counted by the address, where a user is asked for', () => {
    const { limits } = make();
    const limited = rule({ per: 'user', concurrent: 1 });
    lease(limits.admit(limited, { user: null, clientAddress: '10.0.0.1' }, 0));
    expect(limits.admit(limited, { user: null, clientAddress: '10.0.0.1' }, 0)).toMatchObject({
      reason: expect.stringContaining('one client address'),
    });
    expect(limits.admit(limited, { user: null, clientAddress: '10.0.0.2' }, 0).kind).toBe('admitted');
  });

  test.each([
    ['2001:db8:0:1::1', '2001:db8:0:1:ffff::2', true],
    ['2001:db8:0:1::1', '2001:db8:0:2::1', false],
    ['fe80::1%eth0', 'fe80::2%eth0', true],
  ])('IPv6 addresses count by their /64: %s and %s', (one, other, isSame) => {
    const { limits } = make();
    const limited = rule({ per: 'client', concurrent: 1 });
    lease(limits.admit(limited, { user: null, clientAddress: one }, 0));
    expect(limits.admit(limited, { user: null, clientAddress: other }, 0).kind).toBe(isSame ? 'refused' : 'admitted');
  });

  test('each rule counts for itself', () => {
    const { limits } = make();
    lease(limits.admit(rule({ concurrent: 1 }, 'One'), alice, 0));
    expect(limits.admit(rule({ concurrent: 1 }, 'Two'), alice, 0).kind).toBe('admitted');
  });
});

describe('requests a second', () => {
  test('a burst of one second passes, and then one each time that a token has come', () => {
    const { limits } = make();
    const limited = rule({ requestsPerSecond: 10 });
    for (let i = 0; i < 10; i += 1) lease(limits.admit(limited, ALICE, 0)).release();
    expect(limits.admit(limited, ALICE, 0)).toEqual({
      kind: 'refused',
      reason: "rule 'Artifacts' (ci.yaml:12) allows 10 requests a second for one user",
      retryAfterSeconds: 1,
    });
    expect(limits.admit(limited, ALICE, 100).kind).toBe('admitted');
    expect(limits.admit(limited, ALICE, 100).kind).toBe('refused');
  });

  test.each([
    [1, '1 request a second', 1],
    [2.5, '2.5 requests a second', 1],
    [0.5, '1 request in 2 seconds', 2],
    [1 / 60, '1 request in 60 seconds', 60],
  ])('%d a second is called %s, and asks to wait %d s', (requestsPerSecond, words, retryAfterSeconds) => {
    const { limits } = make();
    const limited = rule({ requestsPerSecond, per: 'all' });
    while (limits.admit(limited, ALICE, 0).kind === 'admitted');
    expect(limits.admit(limited, ALICE, 0)).toMatchObject({
      reason: expect.stringContaining(`allows ${words} for all together`),
      retryAfterSeconds,
    });
  });

  test('a request that another limit refuses costs no token', () => {
    const { limits } = make();
    const limited = rule({ requestsPerSecond: 2, concurrent: 1 });
    const first = lease(limits.admit(limited, ALICE, 0));
    for (let i = 0; i < 5; i += 1) limits.admit(limited, ALICE, 0);
    first.release();
    expect(limits.admit(limited, ALICE, 0).kind).toBe('admitted');
  });
});

describe('exchanges at once', () => {
  test('so many and no more, until one of them is released', () => {
    const { limits } = make();
    const limited = rule({ concurrent: 2 });
    const first = lease(limits.admit(limited, ALICE, 0));
    lease(limits.admit(limited, ALICE, 0));
    expect(limits.admit(limited, ALICE, 0)).toMatchObject({
      reason: "rule 'Artifacts' (ci.yaml:12) allows 2 requests or tunnels at once for one user",
    });
    first.release();
    expect(limits.admit(limited, ALICE, 0).kind).toBe('admitted');
    expect(limits.admit(limited, ALICE, 0).kind).toBe('refused');
  });

  test('releasing twice counts once', () => {
    const { limits } = make();
    const limited = rule({ concurrent: 1 });
    const first = lease(limits.admit(limited, ALICE, 0));
    first.release();
    lease(limits.admit(limited, ALICE, 0));
    first.release();
    expect(limits.admit(limited, ALICE, 0).kind).toBe('refused');
  });
});

describe('octets a second', () => {
  test('those of one key share a rate; a rule without one has none', () => {
    const { limits } = make();
    const limited = rule({ downloadBytesPerSecond: 1_000 });
    const one = lease(limits.admit(limited, ALICE, 0));
    const two = lease(limits.admit(limited, ALICE, 0));
    const other = lease(limits.admit(limited, { user: 'bob', clientAddress: '10.0.0.1' }, 0));
    expect(one.download?.take(5_000)).toBe(1_000);
    expect(two.download).toBe(one.download);
    expect(other.download).not.toBe(one.download);
    expect(one.upload).toBeNull();
    expect(one.isCounted).toBe(false);
  });
});

describe('octets a day', () => {
  test('both ways together, to the last one; what goes over it is broken off, and the next is refused until midnight', () => {
    const { limits, setEpochMs } = make();
    setEpochMs(MIDNIGHT + 23.5 * 3_600_000);
    const limited = rule({ bytesPerDay: 2048 });
    const first = lease(limits.admit(limited, ALICE, 0));
    expect(first.isCounted).toBe(true);
    expect(first.spend(2_000)).toBe(true);
    expect(first.spend(48)).toBe(true);
    expect(first.exhaustion).toBeNull();
    const sentence = "rule 'Artifacts' (ci.yaml:12) allows 2 KiB a day for one user, and today's are used up until midnight UTC";
    expect(first.spend(1)).toBe(false);
    expect(first.exhaustion).toBe(sentence);
    expect(limits.admit(limited, ALICE, 0)).toEqual({ kind: 'refused', reason: sentence, retryAfterSeconds: 1_800 });
    setEpochMs(MIDNIGHT + 24 * 3_600_000);
    expect(limits.admit(limited, ALICE, 0).kind).toBe('admitted');
  });

  test('all that are under way draw on the same day', () => {
    const { limits } = make();
    const limited = rule({ bytesPerDay: 100 });
    const one = lease(limits.admit(limited, ALICE, 0));
    const two = lease(limits.admit(limited, ALICE, 0));
    expect(one.spend(60)).toBe(true);
    expect(two.spend(60)).toBe(false);
    expect(one.exhaustion).toBeNull();
    expect(one.spend(1)).toBe(false);
  });
});

describe('a reload', () => {
  const before = rule({ concurrent: 1, requestsPerSecond: 5 });

  test('goes on counting for a rule of the same name and limits, wherever it stands now', () => {
    const { limits } = make();
    lease(limits.admit(before, ALICE, 0));
    expect(limits.admit(rule({ concurrent: 1, requestsPerSecond: 5 }, 'Artifacts', 99), ALICE, 0).kind).toBe('refused');
  });

  test('begins anew for other limits, but for the octets of the day', () => {
    const { limits } = make();
    const daily = rule({ concurrent: 1, bytesPerDay: 100 });
    lease(limits.admit(daily, ALICE, 0)).spend(150);
    expect(limits.admit(rule({ concurrent: 2, bytesPerDay: 120 }), ALICE, 0)).toMatchObject({
      reason: expect.stringContaining('120 bytes a day'),
    });
    expect(limits.admit(rule({ concurrent: 2, bytesPerDay: 200 }), ALICE, 0).kind).toBe('admitted');
  });

  test('a rule without a name goes by its place', () => {
    const { limits } = make();
    lease(limits.admit(rule({ concurrent: 1 }, null, 12), ALICE, 0));
    expect(limits.admit(rule({ concurrent: 1 }, null, 12), ALICE, 0)).toMatchObject({
      reason: expect.stringMatching(/^the rule at ci\.yaml:12 allows/),
    });
    expect(limits.admit(rule({ concurrent: 1 }, null, 13), ALICE, 0).kind).toBe('admitted');
  });
});

describe('memory', () => {
  const asker = (number: number): Asker => ({ user: `user-${number}`, clientAddress: '10.0.0.1' });

  test('keys whose limits are untouched again are let go of', () => {
    const { limits } = make();
    const limited = rule({ requestsPerSecond: 1 });
    for (let i = 0; i < 10_000; i += 1) lease(limits.admit(limited, asker(i), i * 1_000)).release();
    expect(limits.size).toBeLessThan(2_500);
  });

  test('what is in use is not: beyond the bound somebody new is refused, and who is known goes on', () => {
    const { limits } = make();
    const limited = rule({ concurrent: 2 });
    const leases = Array.from({ length: MOST_KEYS }, (_, i) => lease(limits.admit(limited, asker(i), 0)));
    expect(limits.admit(limited, asker(MOST_KEYS), 0)).toMatchObject({ kind: 'refused', reason: expect.stringContaining('no room') });
    expect(limits.admit(limited, asker(0), 0).kind).toBe('admitted');
    leases[7]!.release();
    // It looks for room once a second, not with each request.
    expect(limits.admit(limited, asker(MOST_KEYS), 500).kind).toBe('refused');
    expect(limits.admit(limited, asker(MOST_KEYS), 1_000).kind).toBe('admitted');
    expect(limits.size).toBe(MOST_KEYS);
  });
});

const ALICE: Asker = { user: 'alice', clientAddress: '10.0.0.1' };

function make(): { limits: Limits; setEpochMs: (ms: number) => void } {
  let epochMs = MIDNIGHT;
  const daily = new DailyBytes(() => epochMs);
  const limits = new Limits((bytesPerSecond) => new ByteRate(bytesPerSecond, deadlines), daily);
  return { limits, setEpochMs: (ms) => (epochMs = ms) };
}

function rule(limits: Partial<RuleLimits>, name: string | null = 'Artifacts', line = 12): Rule {
  return {
    action: 'allow',
    name,
    condition: { kind: 'all', of: [] },
    position: { file: '/etc/sallyport/ci.yaml', line, column: 5 },
    denial: null,
    allowPrivate: 'none',
    cache: null,
    interception: null,
    acceptCertificate: null,
    limits: {
      per: 'user',
      requestsPerSecond: null,
      concurrent: null,
      downloadBytesPerSecond: null,
      uploadBytesPerSecond: null,
      bytesPerDay: null,
      ...limits,
    },
  };
}

function lease(admission: Admission): Lease {
  if (admission.kind === 'refused') throw new Error(admission.reason);
  return admission.lease;
}
