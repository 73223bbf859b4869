/**
 * What the app says, in the reader's language: `t('mail.archive')`, `t('mail.letters', { count: 3 })`.
 *
 * All of it is reactive: what calls it is drawn again when the language or time zone changes.
 */
export { LANGUAGES, LANGUAGE_NAMES, type Language } from './areas';
export {
  formatDate,
  formatList,
  formatNumber,
  formatOctets,
  formatPercent,
  formatRelative,
  formatSpan,
  type DateForm,
} from './format';
export type { TextKey } from './keys';
export { language, loadTexts, parts, preferredLanguage, setLanguage, t, type Values } from './texts.svelte';
