// Owns what the words that take a text look at, each as a function of an exchange, and its URL.
import { readableText } from '../octet-text.ts';
import type { RecordedFields, Summary } from '../recorded.ts';
import type { TextWord } from './filter.ts';
import type { FilterSubject, FilterTest } from './subject.ts';

/** `https://example.com:8443/path?query`, the port only where it is not the scheme's; of a CONNECT `example.com:443`. */
export function urlOf({ scheme, host, port, path }: Summary): string {
  if (scheme === '') return '';
  if (scheme === 'tunnel') return `${host}:${port}`;
  return `${scheme}://${host}${port === DEFAULT_PORTS[scheme] ? '' : `:${port}`}${path}`;
}

/** @param word  `null`: the text is looked for in method and URL */
export function textTest(word: TextWord | null, text: string): FilterTest {
  const wanted = text.toLowerCase();
  switch (word) {
    case null:
      return ({ summary }) => has(`${summary.method} ${urlOf(summary)}`, wanted);
    case 'host:':
      return hostTest(wanted);
    case 'path:':
      return wanted.startsWith('/')
        ? ({ summary }) => readableText(summary.path).toLowerCase().startsWith(wanted)
        : ({ summary }) => has(summary.path, wanted);
    case 'url:':
      return ({ summary }) => has(urlOf(summary), wanted);
    case 'method:':
      return ({ summary }) => is(summary.method, wanted);
    case 'type:':
      return ({ summary }) => has(summary.contentType, wanted);
    case 'rule:':
      return ({ summary }) => is(summary.rule, wanted);
    case 'touched:':
      return ({ summary }) => summary.touched.some((name) => is(name, wanted));
    case 'error:':
      return ({ summary }) => has(summary.error, wanted);
    case 'client:':
      return /[.:]$/.test(wanted) ? ({ summary }) => summary.client.startsWith(wanted) : ({ summary }) => is(summary.client, wanted);
    case 'user:':
      return ({ summary }) => is(summary.user, wanted);
    case 'header:':
      return headerTest(wanted);
    case 'body:':
      return (subject) => isInContents(subject, wanted);
    case 'text:':
      return (subject) =>
        has(`${subject.summary.method} ${urlOf(subject.summary)}`, wanted) ||
        hasLine(subject.request?.fields, wanted) ||
        hasLine(subject.response?.fields, wanted) ||
        isInContents(subject, wanted);
    default:
      return word satisfies never;
  }
}

/** A host and what is below it, by whole labels; `*.` before it says no more than that. */
function hostTest(wanted: string): FilterTest {
  const [, name = wanted, port] = isBareIpv6(wanted) ? [] : (/^(?:\*?\.)?(.*?)(?::(\d{1,5}))?$/.exec(wanted) ?? []);
  const host = canonicalHost(name);
  const below = `.${host}`;
  const isHost = ({ summary }: FilterSubject): boolean => summary.host === host || summary.host.endsWith(below);
  return port === undefined ? isHost : (subject) => subject.summary.port === Number(port) && isHost(subject);
}

/** As hosts are recorded: A-labels of a name beyond ASCII, brackets around an IPv6 address. Part of an IPv4 address stays one. */
function canonicalHost(name: string): string {
  if (isBareIpv6(name)) return URL.parse(`http://[${name}]/`)?.hostname ?? name;
  return /^[!-~]*$/.test(name) ? name : (URL.parse(`http://${name}/`)?.hostname ?? name);
}

function isBareIpv6(text: string): boolean {
  return !text.startsWith('[') && text.split(':').length > 2;
}

/** `name`, or `name: part of value`. */
function headerTest(wanted: string): FilterTest {
  const colon = wanted.indexOf(':');
  const name = (colon === -1 ? wanted : wanted.slice(0, colon)).trim();
  const value = colon === -1 ? '' : wanted.slice(colon + 1).trim();
  const isIn = (fields: RecordedFields | undefined): boolean =>
    fields?.some((field) => is(field[0], name) && has(field[1], value)) ?? false;
  return ({ request, response }) => isIn(request?.fields) || isIn(response?.fields);
}

function isInContents(subject: FilterSubject, wanted: string): boolean {
  return (
    (subject.requestText?.()?.toLowerCase().includes(wanted) ?? false) ||
    (subject.responseText?.()?.toLowerCase().includes(wanted) ?? false)
  );
}

function hasLine(fields: RecordedFields | undefined, wanted: string): boolean {
  return fields?.some(([name, value]) => has(`${name}: ${value}`, wanted)) ?? false;
}

function has(text: string | null, wanted: string): boolean {
  return text !== null && readableText(text).toLowerCase().includes(wanted);
}

function is(text: string | null, wanted: string): boolean {
  return text !== null && readableText(text).toLowerCase() === wanted;
}

const DEFAULT_PORTS = { http: 80, https: 443 } as const;
