// Owns turning observed traffic into rules: the fewest that allow what passed and little else. Hosts of one owner are put together when several were
// used, paths by what they have in common; what should be looked at by a person is marked with the reasons.
import type { Condition } from '../../match/condition.ts';
import { glob } from '../../match/glob.ts';
import type { HostPattern } from '../../match/host-pattern.ts';
import { registrableDomain } from '../../match/public-suffix.ts';
import { parseIpAddress } from '../../net/ip-address.ts';
import { covers, globCovers, hostCovers } from '../lint/covers.ts';
import { addPath, type ObservedTraffic, reducedTo, type SeenPath, type SeenRequest, type Site } from './observed-traffic.ts';

/** A rule that allows what was seen. */
export interface LearnedRule {
  readonly name: string;
  /** `intercept`: of tunnels that were opened. */
  readonly action: 'allow' | 'intercept';
  readonly hosts: readonly HostPattern[];
  readonly ports: readonly number[];
  /** `null` for a tunnel: once it is opened, what is inside may pass by the same rule. */
  readonly scheme: 'http' | 'https' | null;
  /** Empty: whatever the method is. */
  readonly methods: readonly string[];
  /** Empty: whatever the path is. */
  readonly paths: readonly string[];
  /** Addresses that the guard refuses otherwise. */
  readonly allowPrivate: readonly string[];
  readonly count: number;
  /** Requests to each host, most first. */
  readonly counts: readonly (readonly [string, number])[];
  /** What was seen of it: a request of each kind. */
  readonly requests: readonly SeenRequest[];
  /** One that no rule before it takes, where it is in force. */
  readonly example: SeenRequest;
  /** Why somebody should look at it first; none for a rule that holds. */
  readonly doubts: readonly string[];
}

export interface LearnedRules {
  readonly rules: readonly LearnedRule[];
  /** To be written as comments. The most frequent come first. */
  readonly doubtful: readonly LearnedRule[];
  /** Requests for which no rule can be written, or none should be: each a line. */
  readonly leftOut: readonly string[];
  /** Requests that were denied and that a rule allows now. */
  readonly reopened: ReadonlyMap<LearnedRule, readonly Denied[]>;
}

export interface Denied {
  readonly request: SeenRequest;
  readonly count: number;
}

export function learnRules(traffic: ObservedTraffic): LearnedRules {
  const { sites } = traffic;
  const names = new Set<string>(['default']);
  const denied = sites.filter(({ standing }) => standing === 'denied');
  const owners = groupBy(
    sites.filter(({ standing }) => standing === 'passed'),
    (site) => ownerOf(site.host),
  );
  const drafts = [...owners.keys()].sort().flatMap((owner) => draftsOf(owner, owners.get(owner)!, denied, sites));
  const named = withDoubtfulOpenings(drafts).map((draft) => ({ ...draft, name: unused(draft.name, names) }));
  const byOwner = needed(named.filter(({ doubts }) => doubts.length === 0));
  const rules = [...byOwner.values()].flat();
  const reopened = groupBy(
    denied.flatMap(requestsTo).filter(({ request }) => takerOf(byOwner, request) !== undefined),
    ({ request }) => takerOf(byOwner, request)!,
  );
  const others = sites
    .filter(({ standing }) => standing !== 'passed' && standing !== 'unruly')
    .flatMap((site) => withoutTaken(site, byOwner));
  const unlikely = others.flatMap((site) => doubtfulDrafts(site, sites)).map((each) => ({ ...each, name: unused(each.name, names) }));
  return {
    rules,
    doubtful: [...named.filter(({ doubts }) => doubts.length > 0), ...unlikely].sort(
      (a, b) => b.count - a.count || compare(a.name, b.name),
    ),
    leftOut: sites
      .filter(({ standing }) => standing === 'unruly')
      .map(({ example, count, because }) => `${count} x ${example.method} to ${example.host}: ${because}`),
    reopened,
  };
}

/** The rules in their order, but for those whose every request is taken by one before. */
function needed(rules: readonly LearnedRule[]): RulesByOwner {
  const kept = new Map<string, LearnedRule[]>();
  for (const rule of rules) {
    const example = rule.requests.find((request) => takerOf(kept, request) === undefined);
    if (example === undefined) continue;
    const owner = ownerOf(rule.hosts[0]!.name);
    const rulesOfOwner = kept.get(owner);
    if (rulesOfOwner === undefined) kept.set(owner, [{ ...rule, example }]);
    else rulesOfOwner.push({ ...rule, example });
  }
  return kept;
}

/** What a rule matches. */
function conditionOf({ hosts, ports, scheme, methods, paths }: LearnedRule): Condition {
  return {
    kind: 'all',
    of: [
      { kind: 'host', patterns: hosts },
      { kind: 'port', ranges: ports.map((port) => ({ from: port, to: port })) },
      ...(scheme === null ? [] : [{ kind: 'scheme' as const, schemes: [scheme] }]),
      ...(methods.length === 0 ? [] : [{ kind: 'method' as const, methods }]),
      ...(paths.length === 0 ? [] : [{ kind: 'path' as const, globs: paths.map(glob) }]),
    ],
  };
}

/**
 * Plain requests before tunnels: a rule for a tunnel asks for less, and would take what is theirs.
 *
 * @param all sites, those of other owners and those that did not pass too
 */
function draftsOf(owner: string, sites: readonly Site[], denied: readonly Site[], all: readonly Site[]): readonly LearnedRule[] {
  const plain = sites.filter(({ scheme }) => scheme !== 'tunnel');
  const byPort = groupBy(plain, ({ scheme, port }) => `${scheme} ${port}`);
  const requests = [...byPort.values()].flatMap((same) => together(owner, same, denied).flatMap((group) => requestDrafts(group)));
  return [...requests, ...tunnelDrafts(owner, sites, denied, all)];
}

function tunnelDrafts(owner: string, sites: readonly Site[], denied: readonly Site[], all: readonly Site[]): readonly LearnedRule[] {
  const byHost = groupBy(
    sites.filter(({ scheme }) => scheme === 'tunnel'),
    ({ host }) => host,
  );
  const portsOf = (site: Site) =>
    byHost
      .get(site.host)!
      .map(({ port }) => port)
      .sort((a, b) => a - b);
  const firsts = [...byHost.values()].map(([first]) => first!);
  // One that passed as it was would not pass a rule that opens them all.
  const areOpened = [...byHost.values()].every((tunnels) => tunnels.every(({ isOpened }) => isOpened));
  const alike = groupBy(firsts, (site) => portsOf(site).join());
  return [...alike.values()].flatMap((same) =>
    together(owner, same, denied).map(({ name, hosts, sites: group }) => {
      const tunnels = group.flatMap(({ host }) => byHost.get(host)!);
      const ports = portsOf(group[0]!);
      const methods = areOpened ? ['CONNECT'] : tunnelMethods(hosts, ports, all);
      return draft({
        name,
        action: areOpened ? 'intercept' : 'allow',
        hosts,
        ports,
        scheme: null,
        methods,
        paths: [],
        sites: tunnels,
        count: total(tunnels),
        requests: tunnels.map(({ example }) => example),
      });
    }),
  );
}

/** What was opened for requests that are doubtful themselves is no surer than they are. */
function withDoubtfulOpenings(drafts: readonly LearnedRule[]): readonly LearnedRule[] {
  const inside = drafts.filter(({ scheme, doubts }) => scheme === 'https' && doubts.length === 0);
  return drafts.map((draft) => {
    if (draft.action === 'allow' || inside.some((rule) => isInsideOf(rule, draft))) return draft;
    return { ...draft, doubts: [...draft.doubts, 'what was seen inside is doubtful, or nothing was'] };
  });
}

function isInsideOf(rule: LearnedRule, tunnel: LearnedRule): boolean {
  const shareHost = rule.hosts.some((one) => tunnel.hosts.some((other) => hostCovers(other, one) || hostCovers(one, other)));
  return shareHost && rule.ports.some((port) => tunnel.ports.includes(port));
}

/**
 * Only port 443 is left to tunnels by custom: elsewhere, and where plain requests were seen that the rule would take as well, it has to say that it is
 * for tunnels.
 */
function tunnelMethods(hosts: readonly HostPattern[], ports: readonly number[], sites: readonly Site[]): readonly string[] {
  const takes = ({ scheme, host, port }: Site) =>
    scheme !== 'tunnel' && ports.includes(port) && hosts.some((pattern) => hostCovers(pattern, { kind: 'exact', name: host }));
  return ports.every((port) => port === 443) && !sites.some(takes) ? [] : ['CONNECT'];
}

function requestDrafts({ name, hosts, sites }: Together): readonly LearnedRule[] {
  const [first] = sites;
  if (first === undefined) return [];
  const merged = new Map<string, SeenPath>();
  for (const { paths } of sites) for (const [template, path] of paths) addPath(merged, template, path);
  const paths = withoutCovered(reducedTo(merged, MOST_PATHS));
  const byMethods = groupBy([...paths], ([, { methods }]) => [...methods].sort().join());
  return [...byMethods.entries()].map(([methods, group]) => {
    const isEverything = group.some(([template]) => template === '/*' || template === '*');
    const templates = isEverything ? [] : group.map(([template]) => template).sort();
    const suffix = byMethods.size > 1 ? `: ${methods.replaceAll(',', ', ')}` : '';
    return draft({
      name: `${name} over ${first.scheme}${suffix}`,
      action: 'allow',
      hosts,
      ports: [first.port],
      scheme: first.scheme === 'https' ? 'https' : 'http',
      methods: methods.split(','),
      paths: templates,
      sites,
      count: group.reduce((sum, [, { count }]) => sum + count, 0),
      requests: group.flatMap(([, path]) => withEachMethod(path)),
    });
  });
}

/** A template that another one covers, with at least its methods, adds nothing. */
function withoutCovered(paths: ReadonlyMap<string, SeenPath>): ReadonlyMap<string, SeenPath> {
  const entries = [...paths].map(([template, path]) => ({ glob: glob(template), template, path }));
  const kept = new Map<string, SeenPath>();
  for (const narrow of entries) {
    const wider = entries.find(
      (wide) =>
        wide !== narrow && globCovers(wide.glob, narrow.glob) && [...narrow.path.methods].every((method) => wide.path.methods.has(method)),
    );
    if (wider === undefined) kept.set(narrow.template, narrow.path);
    else wider.path.count += narrow.path.count;
  }
  return kept;
}

interface Together {
  readonly name: string;
  readonly hosts: readonly HostPattern[];
  readonly sites: readonly Site[];
}

/**
 * Several hosts of one owner become all of its hosts, unless one of them was denied. A few stay as they are: tunnels to them in one rule, since it asks
 * for nothing else, and other requests in a rule for each.
 */
function together(owner: string, sites: readonly Site[], denied: readonly Site[]): readonly Together[] {
  const sorted = sites.toSorted((a, b) => compare(a.host, b.host));
  const isRefused = denied.some(
    ({ host, scheme, port }) => scheme === sites[0]?.scheme && port === sites[0].port && (host === owner || host.endsWith(`.${owner}`)),
  );
  if (registrableDomain(owner) !== null && sites.length >= SEVERAL && !isRefused) {
    return [{ name: owner, hosts: [{ kind: 'below', name: owner }], sites }];
  }
  const groups = sites[0]?.scheme === 'tunnel' ? [sorted] : sorted.map((site) => [site]);
  return groups.map((group) => ({
    name: group.length === 1 ? group[0]!.host : owner,
    hosts: group.map(({ host }) => ({ kind: 'exact', name: host })),
    sites: group,
  }));
}

type Draft = Pick<LearnedRule, 'name' | 'action' | 'hosts' | 'ports' | 'scheme' | 'methods' | 'paths' | 'count' | 'requests'> & {
  readonly sites: readonly Site[];
};

function draft({ sites, ...rule }: Draft, doubts: readonly string[] = []): LearnedRule {
  const counts = new Map<string, number>();
  for (const { host, count } of sites) counts.set(host, (counts.get(host) ?? 0) + count);
  const allDoubts = [...doubts];
  if (rule.hosts.some(({ name }) => parseIpAddress(name) !== null)) allDoubts.push('an address in place of a name');
  const example = rule.requests[0]!;
  if (rule.count === 1 && doubts.length === 0)
    allDoubts.push(SAFE.has(example.method) ? 'seen only once' : `a ${example.method} that was seen only once`);
  const allowPrivate = [...new Set(sites.flatMap(({ privateAddresses }) => [...privateAddresses]))].sort().slice(0, MOST_ADDRESSES);
  return { ...rule, example, allowPrivate, counts: [...counts].sort((a, b) => b[1] - a[1] || compare(a[0], b[0])), doubts: allDoubts };
}

/** What did not pass, or only with an exception of the address guard. */
function doubtfulDrafts(site: Site, sites: readonly Site[]): readonly LearnedRule[] {
  const { standing, because, host, privateAddresses } = site;
  const hosts = [{ kind: 'exact' as const, name: host }];
  const doubt = {
    denied: `was denied${because === null ? '' : ` by ${because}`}`,
    failed: 'failed every time',
    private: `${[...privateAddresses].sort().slice(0, 3).join(', ')} is not public, so it needs allow_private`,
    passed: '',
    unruly: '',
  }[standing];
  if (site.scheme === 'tunnel') {
    const methods = tunnelMethods(hosts, [site.port], sites);
    return [
      draft(
        {
          name: host,
          action: 'allow',
          hosts,
          ports: [site.port],
          scheme: null,
          methods,
          paths: [],
          sites: [site],
          count: site.count,
          requests: [site.example],
        },
        [doubt],
      ),
    ];
  }
  return requestDrafts({ name: host, hosts, sites: [site] }).map((rule) => ({
    ...rule,
    doubts: [doubt, ...rule.doubts.filter((each) => !each.includes('once'))],
  }));
}

type RulesByOwner = ReadonlyMap<string, readonly LearnedRule[]>;

/** The domain that somebody registered; a host without one stands for itself. */
function ownerOf(host: string): string {
  return registrableDomain(host) ?? host;
}

/** Every kind of request to a site. */
function requestsTo({ example, paths, count }: Site): readonly Denied[] {
  if (paths.size === 0) return [{ request: example, count }];
  return [...paths.values()].flatMap((path) => withEachMethod(path).map((request) => ({ request, count: path.count })));
}

function withEachMethod({ example, methods }: SeenPath): readonly SeenRequest[] {
  return [...methods].map((method) => ({ ...example, method }));
}

/** What of a site no rule lets pass yet. */
function withoutTaken(site: Site, rules: RulesByOwner): readonly Site[] {
  if (site.paths.size === 0) return takerOf(rules, site.example) === undefined ? [site] : [];
  const open = [...site.paths].filter(([, { example, methods }]) =>
    [...methods].some((method) => takerOf(rules, { ...example, method }) === undefined),
  );
  if (open.length === 0) return [];
  return [{ ...site, paths: new Map(open), count: open.reduce((sum, [, { count }]) => sum + count, 0) }];
}

/** The rule that lets a request pass. */
function takerOf(rules: RulesByOwner, { method, scheme, host, port, pathAndQuery }: SeenRequest): LearnedRule | undefined {
  const asked: Condition = {
    kind: 'all',
    of: [
      { kind: 'host', patterns: [{ kind: 'exact', name: host }] },
      { kind: 'port', ranges: [{ from: port, to: port }] },
      { kind: 'scheme', schemes: [scheme] },
      { kind: 'method', methods: [method] },
      ...(pathAndQuery === null ? [] : [{ kind: 'path' as const, globs: [{ text: pathAndQuery, pieces: [pathAndQuery] }] }]),
    ],
  };
  return rules.get(ownerOf(host))?.find((rule) => covers(conditionOf(rule), asked));
}

function unused(name: string, names: Set<string>): string {
  const short = name.slice(0, LONGEST_NAME);
  let free = short;
  for (let number = 2; names.has(free); number += 1) free = `${short} (${number})`;
  names.add(free);
  return free;
}

function groupBy<T, K>(values: readonly T[], keyOf: (value: T) => K): ReadonlyMap<K, readonly T[]> {
  return Map.groupBy(values, keyOf);
}

function total(sites: readonly Site[]): number {
  return sites.reduce((sum, { count }) => sum + count, 0);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

const SEVERAL = 3;
const MOST_PATHS = 12;
const MOST_ADDRESSES = 8;
const LONGEST_NAME = 80;
const SAFE: ReadonlySet<string> = new Set(['CONNECT', 'GET', 'HEAD']);
