/**
 * Where everything is. `:name` is a part of the path, `:name?` one that may be missing.
 *
 * The server sends the app at these paths (`webui/pages.py`); a test holds the two together.
 */
export const PATHS = {
  home: '/',
  mail: '/mail/:mailbox?/:thread?',
  search: '/search/:thread?',
  compose: '/compose/:draft?',
  contacts: '/contacts/:card?',
  settings: '/settings/:page?',
  privacy: '/privacy/:page?',
  /** Somebody makes the account that a link invites to; the token is behind the `#`. */
  invitation: '/invitation',
  /** A reset that an administrator began; the token is behind the `#`. */
  reset: '/reset',
  /** The owner's own ways back: recovery code, a device, older mail. */
  recover: '/recover/:way?',
} as const;

export type RouteName = keyof typeof PATHS;

type Named<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? (Name extends `${infer Optional}?` ? Optional : Name) | Named<Rest>
  : Path extends `${string}:${infer Name}`
    ? Name extends `${infer Optional}?`
      ? Optional
      : Name
    : never;

/** The parts of a route's path. */
export type Params<Name extends RouteName> = { [Part in Named<(typeof PATHS)[Name]>]?: string };

export interface Route<Name extends RouteName = RouteName> {
  name: Name;
  params: Params<Name>;
  query: URLSearchParams;
  /** What stands behind the `#`, without it. */
  hash: string;
}

export type AnyRoute = { [Name in RouteName]: Route<Name> }[RouteName];

/** Writes the address of a route; parts and query values are escaped here. */
export function href<Name extends RouteName>(
  name: Name,
  params: Params<Name> = {},
  query: Record<string, string | undefined> = {},
): string {
  const given = params as Record<string, string | undefined>;
  const path: string[] = [];
  for (const step of PATHS[name].split('/').slice(1)) {
    const value = step.startsWith(':') ? given[step.slice(1).replace('?', '')] : step;
    if (value === undefined) break;
    path.push(encodeURIComponent(value));
  }
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value) search.set(key, value);
  const tail = search.size ? `?${search}` : '';
  return `/${path.join('/')}${tail}`;
}

/** Reads an address of this site; undefined where there is nothing. */
export function parse(url: URL): AnyRoute | undefined {
  const steps = url.pathname.split('/').slice(1);
  if (steps.at(-1) === '') steps.pop();
  for (const name of Object.keys(PATHS) as RouteName[]) {
    const params = matched(PATHS[name].split('/').slice(1).filter(Boolean), steps);
    if (params) {
      return { name, params, query: url.searchParams, hash: url.hash.slice(1) } as AnyRoute;
    }
  }
  return undefined;
}

function matched(pattern: string[], steps: string[]): Record<string, string> | undefined {
  if (steps.length > pattern.length) return undefined;
  const params: Record<string, string> = {};
  for (const [at, part] of pattern.entries()) {
    const step = steps[at];
    if (!part.startsWith(':')) {
      if (step !== part) return undefined;
    } else if (step !== undefined) {
      try {
        params[part.slice(1).replace('?', '')] = decodeURIComponent(step);
      } catch {
        return undefined; // `%` that escapes nothing
      }
    } else if (!part.endsWith('?')) {
      return undefined;
    }
  }
  return params;
}
