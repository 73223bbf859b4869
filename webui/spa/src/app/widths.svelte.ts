/** How wide the window is, in the steps that the layout knows (WEBUI §6). */
const WIDE = matchMedia('(width >= 1100px)');
const NARROW = matchMedia('(width < 700px)');

class Widths {
  /** Folders, list and letter side by side. */
  isWide = $state(WIDE.matches);
  /** One of them at a time. */
  isNarrow = $state(NARROW.matches);

  constructor() {
    WIDE.addEventListener('change', () => (this.isWide = WIDE.matches));
    NARROW.addEventListener('change', () => (this.isNarrow = NARROW.matches));
  }
}

export const widths = new Widths();
