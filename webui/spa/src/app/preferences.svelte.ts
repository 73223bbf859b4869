/**
 * How the app looks and behaves on this device. Nothing here is about mail or a person, so it may
 * lie readable in the browser; signing out keeps it.
 */
import { LANGUAGES, preferredLanguage, setLanguage, type Language } from '@/i18n';

export const THEMES = ['system', 'light', 'dark', 'contrast'] as const;
export const DENSITIES = ['comfortable', 'cosy', 'compact'] as const;
export const LAYOUTS = ['right', 'bottom', 'list'] as const;

export type Theme = (typeof THEMES)[number];
export type Density = (typeof DENSITIES)[number];
export type Layout = (typeof LAYOUTS)[number];

interface Kept {
  language?: Language;
  theme: Theme;
  density: Density;
  /** Where a message opens. */
  layout: Layout;
  /** Whether single keys are commands (WCAG 2.1.4). */
  shortcuts: boolean;
  /** Sizes of panes in CSS pixels, by the pane's name. */
  panes: Record<string, number>;
}

const PLACE = 'zegel.preferences';
const FIRST: Kept = {
  theme: 'system',
  density: 'comfortable',
  layout: 'right',
  shortcuts: true,
  panes: {},
};

function oneOf<Value extends string>(values: readonly Value[], value: unknown): Value | undefined {
  return values.find((each) => each === value);
}

function read(): Kept {
  let found: Partial<Record<keyof Kept, unknown>> = {};
  try {
    found = (JSON.parse(localStorage.getItem(PLACE) ?? '{}') ?? {}) as typeof found;
  } catch {
    // Storage is off, or somebody else's words lie there: begin with the first values.
  }
  const spoken = oneOf(LANGUAGES, found.language);
  const panes = Object.entries((found.panes ?? {}) as Record<string, unknown>);
  return {
    theme: oneOf(THEMES, found.theme) ?? FIRST.theme,
    density: oneOf(DENSITIES, found.density) ?? FIRST.density,
    layout: oneOf(LAYOUTS, found.layout) ?? FIRST.layout,
    shortcuts: found.shortcuts !== false,
    panes: Object.fromEntries(panes.filter(([, size]) => Number.isFinite(size))) as Kept['panes'],
    ...(spoken && { language: spoken }),
  };
}

class Preferences {
  #kept = $state<Kept>(read());

  get theme(): Theme {
    return this.#kept.theme;
  }
  set theme(theme: Theme) {
    this.#kept.theme = theme;
    this.show();
    this.keep();
  }

  get density(): Density {
    return this.#kept.density;
  }
  set density(density: Density) {
    this.#kept.density = density;
    this.keep();
  }

  get layout(): Layout {
    return this.#kept.layout;
  }
  set layout(layout: Layout) {
    this.#kept.layout = layout;
    this.keep();
  }

  get shortcuts(): boolean {
    return this.#kept.shortcuts;
  }
  set shortcuts(on: boolean) {
    this.#kept.shortcuts = on;
    this.keep();
  }

  /** Returns the size of a pane in CSS pixels. */
  pane(name: string, otherwise: number): number {
    return this.#kept.panes[name] ?? otherwise;
  }

  setPane(name: string, pixels: number): void {
    this.#kept.panes[name] = Math.round(pixels);
    this.keep();
  }

  /** The language to begin with: what was chosen here, else the first of the browser's we speak. */
  get firstLanguage(): Language {
    return this.#kept.language ?? preferredLanguage(navigator.languages);
  }

  async speak(tongue: Language): Promise<void> {
    await setLanguage(tongue);
    this.#kept.language = tongue;
    this.keep();
  }

  /** Puts the theme on the page; `tokens.css` does the rest. */
  show(): void {
    const theme = this.#kept.theme;
    if (theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }

  /** Writes everything down; again after signing out, which empties what the browser kept. */
  keep(): void {
    try {
      localStorage.setItem(PLACE, JSON.stringify(this.#kept));
    } catch {
      // A browser that keeps nothing still works; the next visit begins anew.
    }
  }
}

export const preferences = new Preferences();
