// Owns the cache's answers without their secrets: parameters of URLs, fields of what is stored, and those that it was selected by. Where somebody names
// a URL as it was shown to them, what it stands for is shown, or forgotten.
import type { CacheAdmin, CacheWhy, Entry, Purge, Question } from '../cache/cache-admin.ts';
import { isShownDigest } from '../cache/rules/selection-digest.ts';
import type { SelectingField } from '../cache/stored-response.ts';
import { readableText } from '../flows/octet-text.ts';
import { hasMask } from '../flows/redact/mask.ts';
import type { MaskRules } from '../flows/redact/rules.ts';
import { maskFieldValue, maskTarget } from '../flows/redact.ts';

/** Rejects what `admin` rejects. */
export function maskedCache(admin: CacheAdmin, masks: MaskRules): CacheAdmin {
  return {
    stats: () => admin.stats(),
    list: (pattern) => maskedEntries(admin.list(pattern), masks),
    async show(url, user) {
      const entries = [];
      for (const each of await urlsShownAs(admin, url, masks)) entries.push(...(await admin.show(each, user)));
      return entries.map((entry) => ({
        ...entry,
        ...maskedEntry(entry, masks),
        key: maskedUrl(entry.key, masks),
        fields: entry.fields.map(({ name, value }) => ({ name, value: maskFieldValue(name, value, masks) })),
      }));
    },
    why: (question) => maskedWhy(admin, question, masks),
    purge: (what) => purgeShown(admin, what, masks),
    verify: () => admin.verify(),
  };
}

async function* maskedEntries(entries: AsyncIterable<Entry>, masks: MaskRules): AsyncGenerator<Entry> {
  for await (const entry of entries) yield maskedEntry(entry, masks);
}

function maskedEntry<E extends Entry>(entry: E, masks: MaskRules): E {
  return { ...entry, url: maskedUrl(entry.url, masks), selectedBy: entry.selectedBy.map((field) => maskedSelecting(field, masks)) };
}

function maskedSelecting(field: SelectingField, masks: MaskRules): SelectingField {
  return field.value === null || isShownDigest(field.value) ? field : { ...field, value: maskFieldValue(field.name, field.value, masks) };
}

/** Sentences that name the URL, and the fields that others of its responses were selected by. */
async function maskedWhy(admin: CacheAdmin, question: Question, masks: MaskRules): Promise<CacheWhy> {
  const [answer, entries] = await Promise.all([admin.why(question), admin.show(question.url, question.user)]);
  const secrets = new Map<string, string>();
  for (const field of entries.flatMap(({ selectedBy }) => selectedBy)) {
    const { name, value } = field;
    const masked = maskedSelecting(field, masks).value;
    if (masked !== value) secrets.set(`${name}: ${value}`, `${name}: ${masked}`);
  }
  const { key, change, lines } = answer;
  const shownOf = (line: string): string => {
    let shown = line;
    for (const [secret, instead] of secrets) shown = shown.replaceAll(secret, () => instead);
    return maskedUrl(shown, masks);
  };
  return { ...answer, key: maskedUrl(key, masks), change: change === null ? null : shownOf(change), lines: lines.map(shownOf) };
}

async function purgeShown(admin: CacheAdmin, what: Purge, masks: MaskRules): Promise<number> {
  if (what.kind !== 'url') return await admin.purge(what);
  let purged = 0;
  for (const url of await urlsShownAs(admin, what.url, masks)) purged += await admin.purge({ kind: 'url', url });
  return purged;
}

/** What somebody may mean who names a URL as it was shown to them. @param admin  of which nothing is masked */
export async function urlsShownAs(admin: CacheAdmin, shown: string, masks: MaskRules): Promise<Iterable<string>> {
  if (!hasMask(Buffer.from(shown, 'utf8').toString('latin1'))) return [shown];
  const urls = new Set<string>();
  for await (const { url } of admin.list(null)) if (maskedUrl(url, masks) === shown) urls.add(url);
  return urls;
}

/** Or a sentence that one stands in. In Unicode: keys are ASCII, and so are the words of the cache. */
function maskedUrl(text: string, masks: MaskRules): string {
  return readableText(maskTarget(text, masks));
}
