const reserved = new Map([
  ['host', 'it follows from the url'],
  ['content-type', 'the body is always JSON'],
  ['content-encoding', 'the body is never compressed'],
  ['user-agent', 'it names Herald and its version'],
  ['x-asteroid-signature', 'signatures are computed by Herald'],
  ...['connection', 'content-length', 'expect', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade'].map(
    (name) => [name, 'it belongs to the HTTP connection'] as const,
  ),
]);

const reservedPrefixes = new Map([
  ['webhook-', 'Standard Webhooks gives these headers their meaning'],
  ['herald-', 'Herald sets these headers itself'],
  ['proxy-', 'it belongs to the HTTP connection'],
]);

const maxHeaders = 30;
const maxValueLength = 4096;

/** What is wrong with custom headers, each with the header's name if it is about one. */
export function headerProblems(headers: Record<string, string>): { name?: string; problem: string }[] {
  const names = Object.keys(headers);
  if (names.length > maxHeaders) return [{ problem: `must be at most ${maxHeaders} headers, not ${names.length}` }];
  return names.flatMap((name, index) => {
    const problem = nameProblem(name, names.slice(0, index)) ?? valueProblem(headers[name] ?? '');
    return problem ? [{ name, problem: `header ${JSON.stringify(name)} ${problem}` }] : [];
  });
}

function nameProblem(name: string, before: string[]): string | undefined {
  if (!/^[\w!#$%&'*+.^`|~-]{1,200}$/.test(name)) {
    return 'is no header name; use letters, digits and hyphens';
  }
  const lower = name.toLowerCase();
  const prefix = [...reservedPrefixes.keys()].find((start) => lower.startsWith(start));
  const why = reserved.get(lower) ?? (prefix && reservedPrefixes.get(prefix));
  if (why) return `is reserved: ${why}; remove it`;
  if (before.some((other) => other.toLowerCase() === lower)) return 'is given twice; header names ignore upper and lower case';
  return undefined;
}

function valueProblem(value: string): string | undefined {
  if (value.length > maxValueLength) return `has a value of ${value.length} characters; at most ${maxValueLength} are allowed`;
  if (/[\r\n]/.test(value)) return 'has a value with a line break, which would start another header; remove it';
  if (!/^[\t\x20-\x7e]*$/.test(value)) return 'has a value with a character outside of printable ASCII; encode it, for example in Base64';
  return undefined;
}
