/** What is said once a message was sent: where it is now, and how it may be taken back. */
import { formatDate, formatList, t } from '@/i18n';
import { SetError } from '@/jmap/errors';
import { sayProblem } from '@/problem';
import type { OutboxItem } from '@/state/outbox.svelte';
import { settings } from '@/state/settings.svelte';
import { toasts } from '@/ui/toasts.svelte';

/** Tells what became of a message; returns why it was refused, "" where it was not. */
export function saySent(item: OutboxItem): string {
  const back = () => void undo(item);
  if (item.state === 'failed') return refusalOf(item);
  if (item.state === 'scheduled' && item.sendAt) {
    toasts.undoable(t('compose.scheduled', { at: formatDate(item.sendAt) }), t('ui.undo'), back);
  } else if (item.state === 'waiting') {
    toasts.show(t('compose.waits'));
  } else if (item.canUndo) {
    toasts.undoable(t('compose.sent'), t('ui.undo'), back, settings.value.undoSeconds);
  } else {
    toasts.show(t('compose.sent'));
  }
  return '';
}

/** Says why a message was refused, and of whom. */
function refusalOf({ error }: OutboxItem): string {
  const refused = error instanceof SetError ? error.object.invalidRecipients : undefined;
  if (!Array.isArray(refused)) return sayProblem(error);
  return t('compose.refused_recipients', { list: formatList(refused.map(String)) });
}

async function undo(item: OutboxItem): Promise<void> {
  try {
    await item.undo();
  } catch (error) {
    toasts.error(`${t('compose.gone')} ${sayProblem(error)}`);
  }
}
