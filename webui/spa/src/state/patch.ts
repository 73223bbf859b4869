/** Patches as JMAP has them, worked out here as the server will do (RFC 8620 §5.3); pure. */
import type { Patch } from '@/jmap/types';

/** Returns `value` with a patch in it; what is not touched is shared with what it was. */
export function patched<Value extends object>(value: Value, patch: Patch): Value {
  let result = value as Record<string, unknown>;
  for (const [path, to] of Object.entries(patch)) result = put(result, tokens(path), to);
  return result as Value;
}

/** Returns a pointer's token with what must be escaped in it (RFC 6901 §3). */
export function token(text: string): string {
  return text.replaceAll('~', '~0').replaceAll('/', '~1');
}

function tokens(path: string): string[] {
  return path.split('/').map((each) => each.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function put(
  value: Record<string, unknown>,
  [first = '', ...rest]: string[],
  to: unknown,
): Record<string, unknown> {
  if (rest.length === 0) {
    if (to !== null) return { ...value, [first]: to };
    const { [first]: _gone, ...others } = value;
    return others;
  }
  const inner = (value[first] ?? {}) as Record<string, unknown>;
  return { ...value, [first]: put(inner, rest, to) };
}
