/** Secrets that are shown once: into a file, or onto paper. */

const TAKEN_MS = 10_000;

/** Has the browser save a text as a file. */
export function save(name: string, text: string): void {
  saveFile(name, new Blob([text], { type: 'text/plain;charset=utf-8' }));
}

/** Has the browser save a file. */
export function saveFile(name: string, file: Blob): void {
  const url = URL.createObjectURL(file);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), TAKEN_MS); // the browser reads it after the click
}
