import { render } from '@testing-library/svelte';
import { createRawSnippet } from 'svelte';
import { describe, expect, it, vi } from 'vitest';
import Dialog from '@/ui/Dialog.svelte';

describe('a dialog', () => {
  const field = createRawSnippet(() => ({ render: () => '<input type="file" aria-label="File">' }));

  it('stays where no file was chosen after all, and closes by Escape', () => {
    const onclose = vi.fn();
    const { getByLabelText, getByRole } = render(Dialog, { open: true, title: 'Import', onclose, children: field });
    // A browser says so with the event by which a dialog is closed, and it bubbles.
    getByLabelText('File').dispatchEvent(new Event('cancel', { bubbles: true }));
    expect(onclose).not.toHaveBeenCalled();
    getByRole('dialog').dispatchEvent(new Event('cancel', { cancelable: true }));
    expect(onclose).toHaveBeenCalledOnce();
  });
});
