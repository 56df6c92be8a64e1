// Owns a message as it was written, for the clipboard: first line, fields, an empty line and the content. The client's request is what the client sent, the
// response what the client got. A clipboard holds text alone, so codings are taken off, and content that is no text is told of in its place.
import type { ContentView } from '../../../flows/content/content-view.ts';
import type { RecordedExchange, RecordedFields, Summary } from '../../../flows/recorded.ts';
import { sizeText } from '../../../match/units.ts';
import { getJson, getOctets } from '../api.ts';
import { attempt, copyText } from '../shell/actions.ts';
import { isText, readable } from '../words.ts';

export function copyRaw({ id }: Summary, side: 'request' | 'response'): void {
  attempt(async () => {
    const exchange = await getJson<RecordedExchange>(`/api/exchanges/${id}`);
    const head = side === 'request' ? requestHead(exchange) : responseHead(exchange);
    const content = side === 'request' ? exchange.requestContent : exchange.responseContent;
    await copyText(
      `${head}\r\n\r\n${content === null || content.kept === 0 ? '' : await textOf(id, side)}`,
      `the ${side} as it was written`,
    );
  });
}

function requestHead({ request: { method, target, version, fields } }: RecordedExchange): string {
  return headOf(`${method} ${target} HTTP/${version}`, fields);
}

/** @throws Error before there is one */
function responseHead({ response, received }: RecordedExchange): string {
  const shown = response ?? received;
  if (shown === null) throw new Error('There is no response.');
  return headOf(`HTTP/${shown.version} ${shown.status} ${shown.reason}`.trimEnd(), shown.fields);
}

function headOf(line: string, fields: RecordedFields): string {
  return [line, ...fields.map(([name, value]) => `${name}: ${value}`)].map(readable).join('\r\n');
}

async function textOf(id: number, side: 'request' | 'response'): Promise<string> {
  const path = `/api/exchanges/${id}/${side}`;
  const octets = await getOctets(`${path}/content`);
  if (isText(octets)) return new TextDecoder().decode(octets);
  const view = await getJson<ContentView>(`${path}/view?as=text`);
  if (view.text === undefined || view.decoded.codings.length === 0) return `‹${sizeText(octets.length)} that are no text›`;
  return view.decoded.isCut ? `${view.text}‹and more›` : view.text;
}
