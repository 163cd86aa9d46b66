/**
 * A path with its values replaced by their names: `/users/7` and `{ id: '7' }` give `/users/:id`
 * where `name` makes `:id`. A value that spans segments is replaced as a whole. Of equal segments
 * the last one is taken for the value.
 */
export function namedPath(
  path: string,
  values: Readonly<Record<string, unknown>>,
  nameOf: (key: string, isList: boolean) => string,
): string {
  const segments = path.split('/').map(decoded);
  for (const [key, value] of Object.entries(values).toReversed()) {
    const isList = Array.isArray(value);
    const own = isList ? value.map(String) : typeof value === 'string' ? value.split('/') : [];
    const start = own.length === 0 ? -1 : lastIndexOfAll(segments, own);
    if (start >= 0) segments.splice(start, own.length, nameOf(key, isList));
  }
  return segments.join('/');
}

function lastIndexOfAll(segments: readonly string[], own: readonly string[]): number {
  for (let start = segments.length - own.length; start >= 0; start -= 1) {
    if (own.every((value, index) => segments[start + index] === value)) return start;
  }
  return -1;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
