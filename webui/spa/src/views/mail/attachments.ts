/** What is known of a file by its name and type: whether it can be shown, and whether it may do harm. */

const PROGRAMS =
  /\.(?:exe|com|scr|pif|bat|cmd|msi|msp|msix|appx|ps1|psm1|vbs?|vbe|jse?|wsf|wsh|hta|cpl|dll|jar|lnk|reg|scf|url|inf|iso|img|vhdx?|apk|dmg|pkg|app|command|sh|desktop|one|chm|sct|settingcontent-ms)$/i;
const MACROS = /\.(?:docm|dotm|xlsm|xltm|xlam|xlsb|pptm|potm|ppam|ppsm|sldm|odb|mdb|accdb|slk|iqy)$/i;
const PAGES = /\.(?:html?|xhtml|shtml|mht|mhtml|svg|xml)$/i;
const HIDDEN = /\.(?:pdf|docx?|xlsx?|jpe?g|png|txt)\s*\.[a-z0-9]{2,5}$/i;
// What turns the reading direction can write an ending backwards: "gpj.exe" as "exe.jpg".
const TURNED = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

export type Danger = 'program' | 'macro' | 'page' | 'disguise';

/** Says how a file may do harm when it is opened; undefined where nothing speaks for it. */
export function dangerOf(name: string, type: string): Danger | undefined {
  if (TURNED.test(name)) return 'disguise';
  if (PROGRAMS.test(name) || /x-msdownload|x-msdos-program|x-executable/.test(type)) {
    return HIDDEN.test(name) ? 'disguise' : 'program';
  }
  if (MACROS.test(name) || /macroenabled/i.test(type)) return 'macro';
  if (PAGES.test(name) || /^(?:text\/html|image\/svg)/.test(type)) return 'page';
  return undefined;
}

/** Says whether the server can draw it: a picture, a document or text. */
export function canPreview(type: string, name: string): boolean {
  if (/^image\/(?:png|jpe?g|gif|webp|bmp|tiff|avif)$/.test(type) || type === 'application/pdf') return true;
  if (/^text\/(?!html)/.test(type) || /^application\/(?:json|xml)$/.test(type)) return true;
  return /\.(?:pdf|png|jpe?g|gif|webp|txt|csv|log|md|json)$/i.test(name);
}
