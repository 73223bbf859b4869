/** Which texts there are: an area a folder, grouped by when they are needed. */

export const LANGUAGES = ['en', 'nl', 'de', 'fr'] as const;
export type Language = (typeof LANGUAGES)[number];

/** How each language calls itself. */
export const LANGUAGE_NAMES: Record<Language, string> = {
  en: 'English',
  nl: 'Nederlands',
  de: 'Deutsch',
  fr: 'Français',
};

/**
 * Areas by the chunk in which they come; a chunk is at most 15 KB compressed (WEBUI §7).
 * `app` comes first and stays; a view that needs another group says so in `app/views.ts`.
 */
export const GROUPS = {
  app: ['app', 'ui', 'keys', 'state', 'mail', 'compose', 'search', 'render'],
  signin: ['signin'],
  settings: ['settings', 'privacy', 'escrow'],
  contacts: ['contacts'],
  admin: ['admin'],
  secure: ['secure'],
} as const;
export type Group = keyof typeof GROUPS;
