// Owns content as a file: what it is, so without codings such as gzip where the browser can take them off and all of it was kept; else as it passed, which
// the file's name then says.
import type { RecordedExchange, RecordedFields, Summary } from '../../../flows/recorded.ts';
import { getJson, getOctets } from '../api.ts';
import { attempt, saveFile } from '../shell/actions.ts';
import { isText } from '../words.ts';

/** @param reveal  whether with secrets */
export function saveContent(row: Summary, side: 'request' | 'response', reveal: boolean): void {
  attempt(async () => {
    const path = `/api/exchanges/${row.id}`;
    const [octets, exchange] = await Promise.all([
      getOctets(`${path}/${side}/content${reveal ? '?reveal=1' : ''}`),
      getJson<RecordedExchange>(path),
    ]);
    const fields = side === 'request' ? exchange.request.fields : (exchange.response?.fields ?? []);
    const { content, suffix } = await withoutCoding(octets, codingIn(fields));
    saveFile(`${fileNameOf(row, side, fields)}${suffix}`, content);
  });
}

interface Plain {
  readonly content: BlobPart;
  /** What tells of a coding that is still on it. */
  readonly suffix: string;
}

async function withoutCoding(octets: Uint8Array<ArrayBuffer>, coding: string | null): Promise<Plain> {
  const known = coding === null ? undefined : CODINGS[coding];
  if (known === undefined) return { content: octets, suffix: '' };
  try {
    const decoded = new Blob([octets]).stream().pipeThrough(new DecompressionStream(known.format));
    return { content: await new Response(decoded).blob(), suffix: '' };
  } catch {
    // Cut off, or a browser that does not know this one; or the proxy took it off already, to mask a secret in it.
    return { content: octets, suffix: isText(octets) ? '' : known.suffix };
  }
}

/** The only one; `null` for none, and for several, which are rare enough to be left as they are. */
function codingIn(fields: RecordedFields): string | null {
  return (
    fields
      .find(([name]) => name.toLowerCase() === 'content-encoding')?.[1]
      .trim()
      .toLowerCase() ?? null
  );
}

/** `response-812.json`: by what it is on the way, and never by a name that the peer has chosen, which could hold a path. */
function fileNameOf({ id, path }: Summary, side: 'request' | 'response', fields: RecordedFields): string {
  const type = fields.find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? '';
  const fromPath = side === 'response' ? /\.([a-z0-9]{1,5})(?:[?#]|$)/i.exec(path)?.[1] : undefined;
  const fromType = /^[\w-]+\/(?:[\w.-]+\+)?([a-z0-9]{1,8})/i.exec(type)?.[1]?.toLowerCase();
  return `${side}-${id}.${fromPath ?? EXTENSIONS[fromType ?? ''] ?? fromType ?? 'bin'}`;
}

const EXTENSIONS: Readonly<Record<string, string>> = { plain: 'txt', javascript: 'js', jpeg: 'jpg', octet: 'bin', x: 'bin', event: 'txt' };
const CODINGS: Readonly<Record<string, { readonly format: CompressionFormat; readonly suffix: string }>> = {
  gzip: { format: 'gzip', suffix: '.gz' },
  'x-gzip': { format: 'gzip', suffix: '.gz' },
  deflate: { format: 'deflate', suffix: '.zz' },
  br: { format: 'brotli' as CompressionFormat, suffix: '.br' },
  zstd: { format: 'zstd' as CompressionFormat, suffix: '.zst' },
};
