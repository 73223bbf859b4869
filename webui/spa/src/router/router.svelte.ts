/**
 * The History API as a rune: where the app is, going elsewhere, and what each entry remembers.
 *
 * Plain links work: `follow` takes clicks on links of this site. An entry of the history keeps what
 * its view saved (a scroll position, a selection), so that Back finds it as it was.
 */
import { href, parse, type AnyRoute, type Params, type RouteName } from './paths';

/** Of entries that remember something; the oldest is forgotten first. */
const REMEMBERED = 100;

type Saved = Map<string, unknown>;

function stateId(): string {
  const state = history.state as { id?: unknown } | null;
  return typeof state?.id === 'string' ? state.id : '';
}

class Router {
  #route = $state.raw<AnyRoute | undefined>();
  #id = $state('');
  #saved = new Map<string, Saved>();

  /** Where the app is; undefined where there is no such page. */
  get route(): AnyRoute | undefined {
    return this.#route;
  }

  /** A name of the history's entry, the same when Back comes to it again. */
  get entry(): string {
    return this.#id;
  }

  /** Begins to listen; returns what ends that. */
  start(): () => void {
    // The app knows better where to scroll: panes scroll, not the window.
    history.scrollRestoration = 'manual';
    this.#arrive();
    const back = () => this.#arrive();
    addEventListener('popstate', back);
    document.addEventListener('click', this.#follow);
    return () => {
      removeEventListener('popstate', back);
      document.removeEventListener('click', this.#follow);
    };
  }

  /** Goes to an address of this site. With `replace`, Back does not come here again. */
  navigate(to: string, { replace = false }: { replace?: boolean } = {}): void {
    const url = new URL(to, location.origin);
    if (url.origin !== location.origin) throw new TypeError('this is no address of ours');
    const state = { id: crypto.randomUUID() };
    if (replace) history.replaceState(state, '', url);
    else history.pushState(state, '', url);
    this.#arrive();
  }

  /** Changes parts and query of the route that is shown, as one types; Back skips such steps. */
  refine(query: Record<string, string | undefined>): void {
    const url = new URL(location.href);
    for (const [key, value] of Object.entries(query)) {
      if (value) url.searchParams.set(key, value);
      else url.searchParams.delete(key);
    }
    history.replaceState(history.state, '', url);
    this.#route = parse(url);
  }

  back(): void {
    history.back();
  }

  /** Keeps something with this entry of the history, in memory. */
  save(key: string, value: unknown): void {
    const saved = this.#saved.get(this.#id) ?? new Map<string, unknown>();
    saved.set(key, value);
    this.#saved.delete(this.#id);
    this.#saved.set(this.#id, saved);
    if (this.#saved.size > REMEMBERED) {
      const oldest = this.#saved.keys().next();
      if (!oldest.done) this.#saved.delete(oldest.value);
    }
  }

  /** Returns what was saved with this entry, after Back for example. */
  saved<Value>(key: string): Value | undefined {
    return this.#saved.get(this.#id)?.get(key) as Value | undefined;
  }

  #arrive(): void {
    if (!stateId()) history.replaceState({ id: crypto.randomUUID() }, '');
    this.#id = stateId();
    this.#route = parse(new URL(location.href));
  }

  #follow = (event: MouseEvent): void => {
    const plain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
    if (event.defaultPrevented || !plain || !(event.target instanceof Element)) return;
    const link = event.target.closest('a');
    if (!link?.href || link.hasAttribute('download') || (link.target && link.target !== '_self')) return;
    const url = new URL(link.href);
    if (url.origin !== location.origin || !parse(url)) return;
    if (url.hash && url.pathname === location.pathname) return; // within the page
    event.preventDefault();
    this.navigate(link.href);
  };
}

export const router = new Router();

/** Goes to a route by its name. */
export function navigate<Name extends RouteName>(
  name: Name,
  params: Params<Name> = {},
  query: Record<string, string | undefined> = {},
  options: { replace?: boolean } = {},
): void {
  router.navigate(href(name, params, query), options);
}
