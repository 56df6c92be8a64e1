// Owns reading a stream of server-sent events (HTML §9.2.6): the event's type and its data, one row each; comments are none.

/** @throws never */
export function eventRows(text: string): [event: string, data: string][] {
  const rows: [string, string][] = [];
  let event = '';
  let id: string | null = null;
  let data: string[] = [];
  for (const line of text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/)) {
    if (line === '') {
      if (data.length > 0) rows.push([`${event || 'message'}${id === null ? '' : ` #${id}`}`, data.join('\n')]);
      if (rows.length >= MAX_ROWS) break;
      [event, id, data] = ['', null, []];
      continue;
    }
    const [, name, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (name === 'data') data.push(value);
    else if (name === 'event') event = value;
    else if (name === 'id') id = value;
  }
  // An event without the empty line behind it is under way still.
  if (data.length > 0 && rows.length < MAX_ROWS) rows.push([`${event || 'message'} (unfinished)`, data.join('\n')]);
  return rows;
}

const MAX_ROWS = 10_000;
