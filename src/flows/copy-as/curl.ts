// Owns a recorded request as a command for curl in a POSIX shell, which sends the same octets: nothing that curl adds on its own, no wildcards in URLs, no
// path made shorter. A shell's word holds every octet but NUL; content with that, and content that is too long for a word, goes through standard input.
import { isUtf8 } from '../content/charset.ts';
import type { CopiedRequest } from './copied-request.ts';

/** One command; lines are joined by backslashes. */
export function asCurl({ method, url, target, fields, content, missing }: CopiedRequest): string {
  const options: string[] = [];
  if (method === 'HEAD') options.push('--head');
  else if (method !== (content === null ? 'GET' : 'POST')) options.push(`--request ${shellWord(method)}`);
  if (target !== null) options.push(`--request-target ${shellWord(target)}`);
  if (/\/\.\.?(?:[/?]|$)/.test(url)) options.push('--path-as-is');
  for (const [name, value] of fields) options.push(`--header ${shellWord(value === '' ? `${name};` : `${name}: ${value}`)}`);
  const own = new Set(fields.map(([name]) => name.toLowerCase()));
  for (const name of ADDED) if (!own.has(name.toLowerCase())) options.push(`--header '${name}:'`);
  if (content !== null) {
    if (!own.has('content-type')) options.push("--header 'Content-Type:'");
    options.push("--header 'Expect:'");
  }
  // It asks for nothing, the fields do; but what comes is shown unpacked.
  if (own.has('accept-encoding')) options.push('--compressed');
  const isPiped = content !== null && method !== 'HEAD' && (content.length > LONGEST_WORD || content.includes(0));
  if (isPiped) options.push('--data-binary @-');
  else if (content !== null && method !== 'HEAD') options.push(`--data-raw ${shellWord(content.toString('latin1'))}`);
  const command = ['curl --globoff', shellWord(url), ...options].join(' \\\n  ').replace('--globoff \\\n ', '--globoff');
  return `${missing === null ? '' : `# ${missing}\n`}${isPiped ? `${printed(content)} |\n` : ''}${command}\n`;
}

/**
 * One word of a POSIX shell (XCU §2.2) that is these octets: in single quotes as text where it is UTF-8, other octets printed into it.
 *
 * @param octets  one character an octet, without NUL; an end of lines is lost where octets that are no UTF-8 stand before it
 */
export function shellWord(octets: string): string {
  if (/^[\w@%+=:,./-]+$/.test(octets)) return octets;
  const bytes = Buffer.from(octets, 'latin1');
  if (isUtf8(bytes, false)) return `'${bytes.toString('utf8').replaceAll("'", "'\\''")}'`;
  return octets
    .split(/([\x80-\xff]+)/)
    .filter((piece) => piece !== '')
    .map((piece) => (piece >= '\x80' ? `"$(printf '${octalEscapes(piece)}')"` : `'${piece.replaceAll("'", "'\\''")}'`))
    .join('');
}

/** A command that writes these octets (XCU printf). */
function printed(content: Buffer): string {
  const text = content.toString('latin1');
  if (!content.includes(0) && isUtf8(content, false)) return `printf %s ${shellWord(text)}`;
  // A letter or digit behind an escape is no part of it: three digits are all that it takes.
  return `printf '${text.replace(/[^\x20-\x7e]|[\\%']/g, octalEscapes)}'`;
}

function octalEscapes(octets: string): string {
  return Array.from(octets, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`).join('');
}

/** What curl sends of its own unless it is told not to. */
const ADDED: readonly string[] = ['User-Agent', 'Accept'];
/** Linux takes 128 KiB for one word of a command. */
const LONGEST_WORD = 100_000;
