/** Puts the focus on an element, or on the first field in it, when it appears. */
export function focused(node: HTMLElement): void {
  const field = node.matches('input, button, select, textarea, [tabindex]')
    ? node
    : node.querySelector<HTMLElement>('input:not([readonly]), button, select, textarea');
  field?.focus();
}
