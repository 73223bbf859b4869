/** Keys as they stand on the keyboard in front of somebody. */
import { t, type TextKey } from '@/i18n';

const isMac = (): boolean => /Mac|iPhone|iPad/.test(navigator.platform);

const NAMES: Record<string, TextKey> = {
  Enter: 'keys.enter',
  Escape: 'keys.escape',
  Delete: 'keys.delete',
  Space: 'keys.space',
  Shift: 'keys.shift',
  Alt: 'keys.alt',
};
const SIGNS: Record<string, string> = {
  ArrowUp: '↑',
  ArrowDown: '↓',
  ArrowLeft: '←',
  ArrowRight: '→',
};

function one(key: string): string {
  if (key === 'Mod') return isMac() ? '⌘' : t('keys.control');
  const name = NAMES[key];
  return name ? t(name) : (SIGNS[key] ?? key);
}

/** Returns the keys of one way to press a command, each step as a list: `g i` is [[g], [i]]. */
export function keysShown(keys: string): string[][] {
  return keys.split(' ').map((step) => (step === '+' ? ['+'] : step.split('+').map(one)));
}
