// Owns a recorded request as a script for Python's requests. That library has one value a field name, so several lines become one (RFC 9110 §5.3, of cookies
// RFC 9113 §8.2.3), and it writes percent-encodings of URLs its own way.
import type { RecordedFields } from '../recorded.ts';
import type { CopiedRequest } from './copied-request.ts';

export function asPython({ method, url, fields, content, missing }: CopiedRequest): string {
  const headers = joined(fields);
  const names = [...headers.keys()].map((name) => name.toLowerCase());
  const lines = [
    ...(missing === null ? [] : [`# ${missing}`]),
    'import requests',
    '',
    'response = requests.request(',
    `    ${quoted(method)},`,
    `    ${quoted(url)},`,
    '    headers={',
    ...[...headers].map(([name, value]) => `        ${quoted(name)}: ${quoted(value)},`),
    // Without these lines the library would say something of its own.
    ...ADDED.filter((name) => !names.includes(name.toLowerCase())).map((name) => `        ${quoted(name)}: None,`),
    '    },',
    ...(content === null ? [] : [`    data=b${quoted(content.toString('latin1'))},`]),
    '    allow_redirects=False,',
    ')',
    'print(response.status_code)',
    'print(response.text)',
  ];
  return `${lines.join('\n')}\n`;
}

function joined(fields: RecordedFields): Map<string, string> {
  const names = new Map<string, string>();
  const headers = new Map<string, string>();
  for (const [name, value] of fields) {
    const lower = name.toLowerCase();
    const spelled = names.get(lower) ?? name;
    names.set(lower, spelled);
    const before = headers.get(spelled);
    headers.set(spelled, before === undefined ? value : `${before}${lower === 'cookie' ? '; ' : ', '}${value}`);
  }
  return headers;
}

/** A literal that is these octets, in `str` as in `bytes`: the library encodes a `str` as ISO-8859-1. */
function quoted(octets: string): string {
  return `"${octets.replace(/[^\x20-\x7e]|["\\]/g, (c) => (c === '"' || c === '\\' ? `\\${c}` : `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`))}"`;
}

const ADDED: readonly string[] = ['User-Agent', 'Accept', 'Accept-Encoding'];
