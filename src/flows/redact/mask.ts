// Owns what stands in a secret's place: how many octets it had, and nothing more. In UTF-8, one character an octet, as the texts of a record are; without
// a blank where a URL or a form needs that. What is masked already stays as it is, so masking twice masks once.

/** `‹masked 12 octets›`. @param octets  the secret as it was recorded, one character an octet */
export function masked(octets: string): string {
  return isMask(octets) ? octets : `${OPENING}masked ${counted(octets)}${CLOSING}`;
}

/** The same for a value in a URL or a form, where a plus sign is a blank. */
export function maskedInUrl(octets: string): string {
  return isMask(octets) ? octets : `${OPENING}masked+${counted(octets).replace(' ', '+')}${CLOSING}`;
}

/** Whether a text is a mask and nothing else. */
function isMask(octets: string): boolean {
  return octets.length < 40 && /^\xe2\x80\xb9masked[ +]\d+[ +]octets?\xe2\x80\xba$/.test(octets);
}

/** Whether a mask stands somewhere in it. */
export function hasMask(octets: string): boolean {
  return octets.includes(MASK_START) && /\xe2\x80\xb9masked[ +]\d+[ +]octets?\xe2\x80\xba/.test(octets);
}

function counted({ length }: string): string {
  return `${length} ${length === 1 ? 'octet' : 'octets'}`;
}

const OPENING = '\xe2\x80\xb9';
const MASK_START = `${OPENING}masked`;
const CLOSING = '\xe2\x80\xba';
