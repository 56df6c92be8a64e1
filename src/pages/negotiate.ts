// Owns the choice of a form for our own answers: Accept → html, json or text (RFC 9110 §12.5.1).
// The most specific range that covers a form gives its weight; the greatest weight wins; between equals, the form that was named more exactly, then
// the one named earlier. Who names nothing (`*/*`, or no field) is a program that a person started in a terminal, and gets text.
// Departure: of a range's parameters only the weight is read. Our forms differ in nothing else, and `application/json;charset=x` means JSON.
import { splitList } from '../http/fields.ts';

export type PageForm = 'html' | 'json' | 'text';

/**
 * The form in which a client would rather read an answer of ours. Never "none": an error in an unasked form says more than an empty 406.
 *
 * @param accept  the Accept field, its lines joined by commas; what lies beyond 2,048 characters is not read
 * @throws never
 */
export function negotiate(accept: string | undefined): PageForm {
  if (accept === undefined || accept === '' || accept === '*/*') return 'text';
  const text: Wish = { form: 'text', weight: 0, exactness: 0 };
  const json: Wish = { form: 'json', weight: 0, exactness: 0 };
  const html: Wish = { form: 'html', weight: 0, exactness: 0 };

  const named = new Set<Wish>();
  for (const member of splitList(upToWholeMember(accept))) {
    const { type, weight } = parseRange(member);
    const exact = type === 'text/html' ? html : type === 'text/plain' ? text : isJson(type) ? json : null;
    if (exact !== null) note(exact, EXACT, weight, named);
    else if (type === 'application/*') note(json, SUBTYPES, weight, named);
    else if (type === 'text/*') for (const wish of [text, html]) note(wish, SUBTYPES, weight, named);
    else if (type === '*/*') for (const wish of [text, json, html]) note(wish, ANYTHING, weight, named);
  }
  let best: Wish | null = null;
  for (const wish of named) {
    if (wish.weight === 0) continue; // not acceptable: RFC 9110 §12.4.2
    if (best === null || wish.weight > best.weight || (wish.weight === best.weight && wish.exactness > best.exactness)) best = wish;
  }
  return best?.form ?? 'text';
}

/** How much one form is wanted, and how exactly the range that says so names it. */
interface Wish {
  readonly form: PageForm;
  /** Thousandths. */
  weight: number;
  exactness: number;
}

function note(wish: Wish, exactness: number, weight: number, named: Set<Wish>): void {
  if (exactness < wish.exactness || (exactness === wish.exactness && weight <= wish.weight)) return;
  wish.exactness = exactness;
  wish.weight = weight;
  named.delete(wish); // so that the order is that of the ranges that count
  named.add(wish);
}

/** `application/vnd.example+json` asks for a JSON we do not have; a client that parses it can still read ours, and no other form. */
function isJson(type: string): boolean {
  return type === 'application/json' || type.endsWith('+json');
}

function parseRange(member: string): { type: string; weight: number } {
  const [type = '', ...parameters] = member.split(';');
  // A semicolon inside a quoted parameter splits it too; the pieces are not weights, unless somebody wants to mislead himself.
  const q = parameters.map((parameter) => parameter.trim()).find((parameter) => parameter.startsWith('q=') || parameter.startsWith('Q='));
  return { type: type.trim().toLowerCase(), weight: q === undefined ? 1000 : parseWeight(q.slice(2)) };
}

/** Thousandths; 0 ("not acceptable") for what is not a weight of RFC 9110 §12.4.2. */
function parseWeight(text: string): number {
  return WEIGHT.test(text) ? Math.round(Number(text) * 1000) : 0;
}

function upToWholeMember(accept: string): string {
  if (accept.length <= MAX_CHARACTERS) return accept;
  return accept.slice(0, Math.max(0, accept.lastIndexOf(',', MAX_CHARACTERS)));
}

const EXACT = 3;
const SUBTYPES = 2;
const ANYTHING = 1;
const MAX_CHARACTERS = 2048;
const WEIGHT = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;
