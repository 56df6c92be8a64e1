// Owns what a person is shown of an exchange that is held, its secrets masked as those of a recorded one are, and putting back what was not edited, before
// it goes on. What a mask stands for is never guessed: where that cannot be told, the person is asked to write it, or to look at it with its secrets.
import { BadQuestion } from '../admin/answers.ts';
import { readableText } from '../flows/octet-text.ts';
import { withSecrets } from '../flows/redact/put-back.ts';
import type { MaskRules } from '../flows/redact/rules.ts';
import { maskContent, maskFieldValue, maskTarget } from '../flows/redact.ts';
import { fieldValue } from '../http/fields.ts';
import type { Fields } from '../http/message.ts';
import type { Held } from '../rewrite/breakpoints.ts';

/** Texts have one character an octet. */
export interface ShownMessage {
  readonly url: string;
  readonly fields: Fields;
  /** `null` where it is more than is held. */
  readonly content: Buffer | null;
}

/** What of it was edited. */
export interface EditedMessage {
  /** In Unicode. */
  readonly url?: string | undefined;
  readonly fields?: readonly (readonly [name: string, value: string])[] | undefined;
  /** Base64; `null` leaves it. */
  readonly content?: string | null | undefined;
}

/** @param masks  `null` shows it as it is @throws never */
export function shownMessage(held: Held, masks: MaskRules | null): ShownMessage {
  if (masks === null) return plainMessage(held);
  // It is told to each page, and each time that another one is held.
  const known = SHOWN.get(held);
  if (known !== undefined) return known;
  const { url, fields, content } = plainMessage(held);
  const shown = {
    url: maskTarget(url, masks),
    fields: fields.map(({ name, value }) => ({ name, value: maskFieldValue(name, value, masks) })),
    content: isMaskable(held) && content !== null ? maskContent(content, typeOf(held, fields), masks) : content,
  };
  SHOWN.set(held, shown);
  return shown;
}

/** @returns the same with secrets in the places of their masks @throws BadQuestion where it cannot be told what one stands for */
export function withItsSecrets<E extends EditedMessage>(edited: E, held: Held, masks: MaskRules | null): E {
  if (masks === null) return edited;
  const plain = plainMessage(held);
  const shown = shownMessage(held, masks);
  const { url, fields, content } = edited;
  return {
    ...edited,
    ...(url !== undefined && { url: readableText(restored('the URL', latin1(url), shown.url, plain.url)) }),
    ...(fields !== undefined && { fields: restoredFields(fields, shown.fields, plain.fields) }),
    ...(content != null && { content: restoredContent(content, shown.content, plain.content) }),
  };
}

function plainMessage({ request, response, message }: Held): ShownMessage {
  return { url: request.url, fields: (response ?? request).fields, content: (message ?? response ?? request).content };
}

function isMaskable({ message }: Held): boolean {
  return message === null || message.isText;
}

function typeOf({ message }: Held, fields: Fields): string | null {
  return message === null ? (fieldValue(fields, 'content-type') ?? null) : null;
}

/** The first of a name is the first that was shown under it, and so on. */
function restoredFields(edited: NonNullable<EditedMessage['fields']>, shown: Fields, plain: Fields): [string, string][] {
  const used = new Set<number>();
  const placeOf = (fits: (at: number) => boolean): number => shown.findIndex((_, at) => !used.has(at) && fits(at));
  return edited.map(([name, value]) => {
    const isNamed = (at: number): boolean => shown[at]!.name.toLowerCase() === name.toLowerCase();
    const same = placeOf((at) => isNamed(at) && shown[at]!.value === value);
    const at = same === -1 ? placeOf(isNamed) : same;
    if (at === -1) return [name, restored(name, value, '', '')];
    used.add(at);
    return [name, restored(name, value, shown[at]!.value, plain[at]!.value)];
  });
}

function restoredContent(base64: string, shown: Buffer | null, plain: Buffer | null): string {
  if (shown === null || plain === null || shown === plain) return base64;
  const edited = Buffer.from(base64, 'base64').toString('latin1');
  return Buffer.from(restored('the content', edited, shown.toString('latin1'), plain.toString('latin1')), 'latin1').toString('base64');
}

function restored(what: string, edited: string, shown: string, plain: string): string {
  const whole = withSecrets(edited, shown, plain);
  if (whole !== null) return whole;
  throw new BadQuestion(`A secret of ${what} was edited in part. Write all of it, or ask for it as it is (reveal=1) and edit that.`);
}

/** One character an octet. */
function latin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

const SHOWN = new WeakMap<Held, ShownMessage>();
