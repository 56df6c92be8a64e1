// Owns the script by which browsers configure themselves (PAC, `FindProxyForURL`): the destinations that are listed are reached directly, and so
// are hosts without a dot; everything else goes through the proxy, ws and wss too.
// The script is plain ECMAScript 5 for whatever engine runs it, and asks nobody anything: it resolves no name, so a CIDR block is about hosts
// that are written as addresses. What is put into it is data, written as JSON and in ASCII.
import { type Destination, parseDestination } from '../match/destination.ts';

export interface PacOptions {
  /** Reached without the proxy, in the notation of `no_proxy`. */
  readonly direct: readonly string[];
  /** `host:port` of the proxy, canonical: as `formatAuthority` has it. */
  readonly proxy: string;
}

/** @throws ProxyError `proxy_configuration_error` for a destination that is none */
export function pacScript({ direct, proxy }: PacOptions): string {
  const destinations = direct.map((text) => `    ${asJson(entryOf(parseDestination(text)))}`).join(',\n');
  return SCRIPT.replace('"THE PROXY"', () => asJson(`PROXY ${proxy}`)).replace('"THE LIST"', () => `\n${destinations}\n  `);
}

/** How a destination stands in the script. */
interface Entry {
  readonly is?: string;
  readonly below?: string;
  /** One label more than this. */
  readonly under?: string;
  /** `10.0.0.0/8` */
  readonly block?: string;
  readonly port?: number;
}

function entryOf({ what, port }: Destination): Entry {
  const rest = port === null ? {} : { port };
  switch (what.kind) {
    case 'everything':
      return rest;
    case 'block':
      return { block: `${what.cidr.address.text}/${what.cidr.prefixLength}`, ...rest };
    case 'pattern':
      return { [ENTRY_KEYS[what.pattern.kind]]: what.pattern.name, ...rest };
    default:
      return what satisfies never;
  }
}

const ENTRY_KEYS = { exact: 'is', below: 'below', 'one-label': 'under' } as const;

/** JSON that is ASCII, and so the same script in whatever charset it is read. */
function asJson(value: unknown): string {
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const SCRIPT = `function FindProxyForURL(url, host) {
  var proxy = "THE PROXY";
  var direct = ["THE LIST"];
  host = host.toLowerCase().replace(/^\\[|\\]$|\\.$/g, "");
  if (host.indexOf(".") < 0 && host.indexOf(":") < 0) return "DIRECT";
  var bits = bitsOf(host);
  var port = portOf(url.toLowerCase());
  for (var i = 0; i < direct.length; i++) if (covers(direct[i], host, bits, port)) return "DIRECT";
  return proxy;
}

function covers(entry, host, bits, port) {
  if (entry.port && entry.port !== port) return false;
  if (entry.is) return host === entry.is;
  if (entry.below) return host === entry.below || endsWith(host, "." + entry.below);
  if (entry.under) return endsWith(host, "." + entry.under) && host.indexOf(".") === host.length - entry.under.length - 1;
  if (entry.block) return isInBlock(bits, entry.block.split("/"));
  return true;
}

function isInBlock(bits, block) {
  var first = bitsOf(block[0]);
  return bits.length === first.length && bits.slice(0, block[1]) === first.slice(0, block[1]);
}

function endsWith(text, end) {
  return text.length > end.length && text.slice(-end.length) === end;
}

function portOf(url) {
  var parts = /^([a-z]+):\\/\\/[^\\/?#]*?(?::([0-9]+))?(?:[\\/?#]|$)/.exec(url);
  if (!parts) return 0;
  if (parts[2]) return Number(parts[2]);
  return parts[1] === "https" || parts[1] === "wss" ? 443 : parts[1] === "http" || parts[1] === "ws" ? 80 : 0;
}

// An address as binary digits; nothing for a name.
function bitsOf(host) {
  if (/^[0-9]+\\.[0-9]+\\.[0-9]+\\.[0-9]+$/.test(host)) return digits(host.split("."), 10, 8);
  if (host.indexOf(":") < 0) return "";
  var halves = host.split("::");
  var groups = halves[0] ? halves[0].split(":") : [];
  if (halves.length === 2) {
    var tail = halves[1] ? halves[1].split(":") : [];
    while (groups.length + tail.length < 8) groups.push("0");
    groups = groups.concat(tail);
  }
  return digits(groups, 16, 16);
}

function digits(numbers, base, size) {
  var text = "";
  for (var i = 0; i < numbers.length; i++) {
    var number = parseInt(numbers[i], base).toString(2);
    while (number.length < size) number = "0" + number;
    text += number;
  }
  return text;
}
`;
