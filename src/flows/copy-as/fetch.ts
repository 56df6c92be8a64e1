// Owns a recorded request as a call of `fetch` (Fetch Standard), for browsers and Node. What a script may not set there (Host, Cookie in browsers) stands
// in it all the same: programs other than browsers send it.
import { isUtf8 } from '../content/charset.ts';
import type { CopiedRequest } from './copied-request.ts';

export function asFetch({ method, url, fields, content, missing }: CopiedRequest): string {
  const mayHaveContent = method !== 'GET' && method !== 'HEAD';
  const notes = [
    missing,
    content !== null && !mayHaveContent ? `It had content of ${content.length} octets, which fetch refuses to send with ${method}.` : null,
  ];
  const members = [
    ...(method === 'GET' ? [] : [`  method: ${literal(method)},`]),
    ...(fields.length === 0
      ? []
      : ['  headers: [', ...fields.map(([name, value]) => `    [${literal(name)}, ${literal(value)}],`), '  ],']),
    ...(content === null || !mayHaveContent
      ? []
      : [
          `  body: ${bodyOf(
            content,
            fields.some(([name]) => name.toLowerCase() === 'content-type'),
          )},`,
        ]),
  ];
  const comments = notes.filter((note) => note !== null).map((note) => `// ${note}\n`);
  return `${comments.join('')}await fetch(${literal(encodedUrl(url))}${members.length === 0 ? '' : `, {\n${members.join('\n')}\n}`});\n`;
}

/** Of a string without a media type fetch would say that it is text. */
function bodyOf(content: Buffer, hasType: boolean): string {
  const isText = isUtf8(content, false) && !content.subarray(0, 3).equals(BYTE_ORDER_MARK);
  if (isText && hasType) return JSON.stringify(content.toString('utf8'));
  return `Uint8Array.from(atob('${content.toString('base64')}'), (c) => c.charCodeAt(0))`;
}

/** Characters of values are octets for fetch, too; here they are written so that any file can hold them. */
function literal(octets: string): string {
  return JSON.stringify(octets).replace(/[^\x20-\x7e]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** A URL there is Unicode, which would be encoded as UTF-8 once more. */
function encodedUrl(url: string): string {
  return url.replace(/[^\x21-\x7e]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
