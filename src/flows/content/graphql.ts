// Owns recognising GraphQL requests (GraphQL over HTTP §5) and laying out their documents.

export interface GraphqlRequest {
  readonly query: string;
  readonly operationName: string | null;
  /** JSON; `null` without variables. */
  readonly variables: string | null;
}

/** @param text  JSON of a request, or of several. @returns `null` where it is something else. @throws never */
export function graphqlRequests(text: string): GraphqlRequest[] | null {
  if (!/^\s*[{[]/.test(text) || !/"(?:query|extensions)"/.test(text)) return null;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  const requests = (Array.isArray(parsed) ? parsed : [parsed]).map(requestOf);
  return requests.length > 0 && requests.every((request) => request !== null) ? requests : null;
}

function requestOf(value: unknown): GraphqlRequest | null {
  if (typeof value !== 'object' || value === null) return null;
  const { query, operationName, variables } = value as Record<string, unknown>;
  if (typeof query !== 'string' || !/^\s*(?:#|\{|query\b|mutation\b|subscription\b|fragment\b)/.test(query)) return null;
  return {
    query,
    operationName: typeof operationName === 'string' ? operationName : null,
    variables: variables === undefined || variables === null ? null : JSON.stringify(variables),
  };
}

/** A document on one line in lines by its braces; what has lines already stays as it is. @throws never */
export function layOutGraphql(document: string): string {
  if (document.trim().includes('\n')) return document.trim();
  const pieces: string[] = [];
  let depth = 0;
  let parentheses = 0;
  /** White space that is only written once something follows. */
  let gap = '';
  for (const [token] of document.matchAll(/""".*?(?:"""|$)|"(?:[^"\\]|\\.)*"?|[{}()]|,|\s+|[^\s{}(),"]+/gs)) {
    if (/^[\s,]/.test(token) && parentheses === 0) {
      gap ||= depth > 0 ? lineBreak(depth) : ' ';
      continue;
    }
    if (token === '(') parentheses += 1;
    else if (token === ')') parentheses -= 1;
    const isBrace = parentheses === 0 && (token === '{' || token === '}');
    if (token === '}' && isBrace) depth = Math.max(0, depth - 1);
    if (pieces.length > 0) pieces.push(!isBrace ? gap : token === '{' ? ' ' : lineBreak(depth));
    pieces.push(token);
    if (token === '{' && isBrace) depth += 1;
    gap = isBrace ? lineBreak(depth) : '';
  }
  return pieces.join('');
}

function lineBreak(depth: number): string {
  return `\n${'  '.repeat(Math.min(depth, 20))}`;
}
