// Owns what many paths have in common: numbers, hashes, UUIDs and versions become `*`, and when there are still too many paths, the deepest ones are
// cut off. Each template is a glob that matches every path it was made of, since a star stands for slashes too.

/** `/pool/main/c/curl_7.88.1-10_amd64.deb` → `/pool/main/c/curl_*-10_amd64.deb`. @param path in normal form */
export function pathTemplate(path: string): string {
  const template = path.split('/').map(segmentTemplate).join('/');
  if (template.length <= LONGEST) return template;
  return `${template.slice(0, template.lastIndexOf('/', LONGEST - 1) + 1)}*`;
}

/** Templates with one segment less, where they have as many as the deepest: `/a/b/c` → `/a/*`. @returns `null` when none can be cut further */
export function cutDeepest(templates: Iterable<string>): ReadonlyMap<string, string> | null {
  const all = [...templates];
  const depth = Math.max(...all.map(depthOf));
  if (depth === 0) return null;
  return new Map(all.filter((template) => depthOf(template) === depth).map((template) => [template, cut(template)]));
}

/** How often a template can be cut. */
function depthOf(template: string): number {
  const slashes = template.split('/').length - 1;
  return template.endsWith('/*') ? slashes - 1 : slashes;
}

function cut(template: string): string {
  const whole = template.endsWith('/*') ? template.slice(0, -2) : template;
  return `${whole.slice(0, whole.lastIndexOf('/') + 1)}*`;
}

function segmentTemplate(segment: string): string {
  // Half a code would be no path.
  if (segment.includes('%')) return segment;
  return segment
    .replace(UUID, '*')
    .replace(HASH, (run) => (/\d/.test(run) ? '*' : run))
    .replace(VERSION, '*')
    .replace(NUMBER, '*')
    .replace(/\*{2,}/g, '*');
}

const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi;
const HASH = /[0-9a-f]{8,}/gi;
const VERSION = /\d+(?:\.\d+)+/g;
// `v2` is most often a part of an interface's name, and stays.
const NUMBER = /^\d+$|\d{4,}/g;
const LONGEST = 120;
