// Owns the tags that an origin gives a response, for a purge to name many by one word: Surrogate-Key, a list by blanks, and Cache-Tag, one by commas.
// No RFC has them; what a tag may look like is up to the origin.
import { fieldValues, hasField, listMembers } from '../../http/fields.ts';
import type { Fields } from '../../http/message.ts';

/** In the order in which they came; of very many, the first. */
export function tagsOf(fields: Fields): readonly string[] {
  if (!hasTags(fields)) return NO_TAGS;
  const surrogateKeys = fieldValues(fields, 'surrogate-key').flatMap((value) => value.split(/[ \t]+/));
  const tags = [...surrogateKeys, ...listMembers(fields, 'cache-tag')].filter((tag) => tag !== '');
  return tags.length === 0 ? NO_TAGS : tags.slice(0, MOST_TAGS);
}

/** Those of a stored response whose fields were updated: fields that the update does not have stay, and their tags with them. */
export function updatedTags(known: readonly string[], update: Fields, updated: Fields): readonly string[] {
  return hasTags(update) ? tagsOf(updated) : known;
}

function hasTags(fields: Fields): boolean {
  return hasField(fields, 'surrogate-key') || hasField(fields, 'cache-tag');
}

const NO_TAGS: readonly string[] = Object.freeze([]);
const MOST_TAGS = 64;
