// Owns what is masked of a record before it leaves the process, or before it is written: credentials in fields, parameters in URLs and forms, values in
// JSON, parts of forms. The record stays what it was in every other octet. What counts as a secret: redact/rules.ts.
// Refuses to know who may see what: whoever shows a record asks for the mask, or does not.
import type { RecordedContent, RecordedExchange, RecordedFacts, RecordedFields, RecordedMessage, Summary } from './recorded.ts';
import { masked } from './redact/mask.ts';
import { maskJson } from './redact/mask-json.ts';
import { isSecretName, maskForm, maskUrls } from './redact/mask-urls.ts';
import { type MaskRules, URL_FIELDS } from './redact/rules.ts';
import type { Unwritten } from './redact-fields.ts';

/** All of a record but its content, which is kept apart. @throws never */
export function maskExchange(exchange: RecordedExchange, rules: MaskRules): RecordedExchange {
  const message = <M extends { readonly fields: RecordedFields }>(head: M): M => ({ ...head, fields: maskFields(head.fields, rules) });
  const request = (head: RecordedExchange['request']): RecordedExchange['request'] =>
    message({ ...head, target: maskTarget(head.target, rules) });
  const { sent, received, response, requestContent, responseContent } = exchange;
  return {
    summary: maskSummary(exchange.summary, rules),
    request: request(exchange.request),
    sent: sent && request(sent),
    received: received && message(received),
    response: response && message(response),
    requestContent: maskTrailers(requestContent, rules),
    responseContent: maskTrailers(responseContent, rules),
    facts: maskFacts(exchange.facts, rules),
  };
}

/** A row of the list. */
export function maskSummary(summary: Summary, rules: MaskRules): Summary {
  const path = maskTarget(summary.path, rules);
  return path === summary.path ? summary : { ...summary, path };
}

/** A request target, or any URL: parameters of its query and fragment, and user information. */
export function maskTarget(target: string, rules: MaskRules): string {
  return maskUrls(target, rules);
}

/** @returns the same list where nothing is masked */
export function maskFields(fields: RecordedFields, rules: MaskRules): RecordedFields {
  let result: (readonly [string, string])[] | null = null;
  for (let i = 0; i < fields.length; i += 1) {
    const [name, value] = fields[i]!;
    const instead = maskFieldValue(name, value, rules);
    if (instead === value) continue;
    result ??= [...fields];
    result[i] = [name, instead];
  }
  return result ?? fields;
}

/** @returns the value with what is secret in it masked; itself where nothing is */
export function maskFieldValue(spelled: string, value: string, rules: MaskRules): string {
  const name = spelled.toLowerCase();
  if (URL_FIELDS.has(name)) return maskUrls(value, rules);
  if (!rules.fields.has(name) || value === '') return value;
  if (name === 'cookie') return value.split(';').map(maskCookie).join(';');
  if (name === 'set-cookie') return value.replace(/^[^;]*/, maskCookie);
  const scheme = name.endsWith('authorization') ? AUTH_SCHEME.exec(value)?.[0] : undefined;
  return scheme === undefined ? masked(value) : scheme + masked(value.slice(scheme.length));
}

/** `name=value` and the blanks before it; what has no name is a value (RFC 6265 §5.2). */
function maskCookie(pair: string): string {
  const start = pair.length - pair.trimStart().length;
  const valueStart = pair.indexOf('=') === -1 ? start : pair.indexOf('=') + 1;
  return valueStart === pair.length ? pair : pair.slice(0, valueStart) + masked(pair.slice(valueStart));
}

/** What the recorder asks, where secrets are not to be written: heads alone. Content is masked by `maskContent`. */
export function unwrittenBy(rules: MaskRules): Unwritten {
  return {
    maskedValue: (name, value) => maskFieldValue(name, value, rules),
    maskedUrl: (url) => maskUrls(url, rules),
  };
}

/**
 * Content without its codings, as its media type has it: JSON, JSON lines, forms, multipart forms. JSON that is sent as text is recognised.
 *
 * @param contentType  the field's value; `null` without one
 * @returns the same octets where nothing is masked
 * @throws never
 */
export function maskContent(octets: Buffer, contentType: string | null, rules: MaskRules): Buffer {
  // No secret hides behind a coding in which every other octet is zero. What is masked comes out in UTF-8.
  const utf16 = octets[0] === 0xff && octets[1] === 0xfe ? 'utf-16le' : octets[0] === 0xfe && octets[1] === 0xff ? 'utf-16be' : null;
  const text = utf16 === null ? octets.toString('latin1') : Buffer.from(new TextDecoder(utf16).decode(octets)).toString('latin1');
  const instead = maskText(text, contentType ?? '', rules);
  return instead === text ? octets : Buffer.from(instead, 'latin1');
}

/** The preview of a message is masked where it is JSON. */
export function maskMessage(message: RecordedMessage, rules: MaskRules): RecordedMessage {
  if (message.kind !== 'text' && message.kind !== 'sse') return message;
  const preview = Buffer.from(message.preview, 'base64');
  const instead = maskContent(preview, message.kind === 'sse' ? 'text/event-stream' : null, rules);
  return instead === preview ? message : { ...message, preview: instead.toString('base64') };
}

function maskText(text: string, contentType: string, rules: MaskRules): string {
  const type = typeOf(contentType);
  if (type === 'multipart/form-data') return maskParts(text, contentType, rules);
  if (type === 'text/event-stream')
    return text.replace(/^(data: ?)?([{[].*)$/gm, (_, name = '', json) => name + maskJson(json, rules.json));
  return maskOneText(text, type, rules);
}

function maskOneText(text: string, type: string, rules: MaskRules): string {
  if (type === 'application/x-www-form-urlencoded') return maskForm(text, rules);
  const isJson = /[/+](?:x-)?(?:json|ndjson|jsonlines|json-seq|json5)$/.test(type);
  const mayBeJson = (type === '' || type === 'text/plain') && /^(?:\xef\xbb\xbf)?\s*[{[]/.test(text);
  return isJson || mayBeJson ? maskJson(text, rules.json) : text;
}

function typeOf(contentType: string): string {
  return contentType.split(';', 1)[0]!.trim().toLowerCase();
}

/** Fields of a form in parts (RFC 7578), by their names; files stay. */
function maskParts(text: string, contentType: string, rules: MaskRules): string {
  const boundary = /boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(contentType);
  if (boundary === null) return text;
  const delimiter = `--${boundary[1] ?? boundary[2]}`;
  return text
    .split(delimiter)
    .map((part) => maskPart(part, rules))
    .join(delimiter);
}

function maskPart(part: string, rules: MaskRules): string {
  const headEnd = part.indexOf('\r\n\r\n');
  const head = headEnd === -1 ? '' : part.slice(0, headEnd);
  const name = /;\s*name="?([^";\r\n]*)/i.exec(head)?.[1];
  if (name === undefined || /;\s*filename\*?=/i.test(head)) return part;
  const start = headEnd + 4;
  const end = part.endsWith('\r\n') ? part.length - 2 : part.length;
  if (start >= end) return part;
  const value = part.slice(start, end);
  const type = typeOf(/content-type:\s*([^\r\n]*)/i.exec(head)?.[1] ?? '');
  const instead = isSecretName(name, rules) ? masked(value) : maskOneText(value, type, rules);
  return part.slice(0, start) + instead + part.slice(end);
}

function maskTrailers(content: RecordedContent | null, rules: MaskRules): RecordedContent | null {
  return content === null || content.trailers.length === 0 ? content : { ...content, trailers: maskFields(content.trailers, rules) };
}

/** Sentences may quote the URL; the question that was judged has it, and the fields as well. */
function maskFacts(facts: RecordedFacts, rules: MaskRules): RecordedFacts {
  const { decision, cache, errorMessage, changes } = facts;
  return {
    ...facts,
    decision: decision && { ...decision, sentence: maskUrls(decision.sentence, rules), question: maskQuestion(decision.question, rules) },
    cache: cache && { ...cache, key: maskUrls(cache.key, rules) },
    errorMessage: errorMessage && maskUrls(errorMessage, rules),
    changes: changes.map((change) => ({ ...change, what: maskUrls(change.what, rules) })),
  };
}

function maskQuestion(question: unknown, rules: MaskRules): unknown {
  if (typeof question !== 'object' || question === null) return question;
  const { pathAndQuery, fields } = question as { pathAndQuery?: unknown; fields?: unknown };
  const path = typeof pathAndQuery === 'string' ? maskUrls(pathAndQuery, rules) : pathAndQuery;
  return { ...question, pathAndQuery: path, fields: Array.isArray(fields) ? maskQuestionFields(fields, rules) : fields };
}

/** Fields of `http/message.ts`, or as they are recorded; a `line` would say the value again. */
function maskQuestionFields(fields: readonly unknown[], rules: MaskRules): unknown[] {
  return fields.map((field) => {
    const isPair = Array.isArray(field);
    const { name, value } = (isPair ? { name: field[0], value: field[1] } : field) as { name: unknown; value: unknown };
    const instead = maskFieldValue(String(name), String(value), rules);
    return isPair ? [name, instead] : { name, value: instead };
  });
}

/** The scheme of credentials (RFC 9110 §11.4), where it is one that is known: of others, what stands before the blank may be the secret. */
const AUTH_SCHEME =
  /^(?:Basic|Bearer|Digest|Negotiate|NTLM|Token|ApiKey|DPoP|OAuth|HOBA|Mutual|vapid|GNAP|PrivateToken|SCRAM-SHA-(?:1|256)|AWS4-HMAC-SHA256) +/i;
