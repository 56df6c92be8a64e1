// Owns what stands in a secret's place: how many octets it had, and nothing more. It is ASCII without a blank where a URL needs that, so that what
// was masked is still a field, a URL, a form or JSON. What is masked already stays as it is.

/** `(masked 12 octets)`. @param octets  the secret as it was recorded, one character an octet */
export function masked(octets: string): string {
  return isMask(octets) ? octets : `(masked ${counted(octets)})`;
}

/** The same for a value in a URL or a form, where a plus sign is a blank. */
export function maskedInUrl(octets: string): string {
  return isMask(octets) ? octets : `(masked+${counted(octets).replace(' ', '+')})`;
}

/** Whether a text is a mask and nothing else. */
export function isMask(text: string): boolean {
  return text.length < 40 && /^\(masked[ +]\d+[ +]octets?\)$/.test(text);
}

function counted({ length }: string): string {
  return `${length} ${length === 1 ? 'octet' : 'octets'}`;
}
