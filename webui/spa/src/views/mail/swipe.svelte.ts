/** A finger that goes sideways over a row (WEBUI §3, phone). */

const FAR_PX = 88;
/** What is less is a tap that trembles. */
const STILL_PX = 12;

export class Swipe {
  #begun: { x: number; y: number } | undefined;
  #by = $state(0);
  #right: () => void;
  #left: () => void;

  /** `right` and `left` are done once a finger went far enough that way and is lifted. */
  constructor(right: () => void, left: () => void) {
    this.#right = right;
    this.#left = left;
  }

  /** How far the row has gone with the finger, in pixels. */
  get by(): number {
    return this.#by;
  }

  begin(event: PointerEvent): void {
    if (event.pointerType === 'touch') this.#begun = { x: event.clientX, y: event.clientY };
  }

  move(event: PointerEvent): void {
    if (!this.#begun) return;
    const x = event.clientX - this.#begun.x;
    if (Math.abs(event.clientY - this.#begun.y) > Math.abs(x)) this.#begun = undefined;
    this.#by = this.#begun && Math.abs(x) > STILL_PX ? x : 0;
  }

  end(): void {
    const by = this.#begun ? this.#by : 0;
    this.cancel();
    if (by > FAR_PX) this.#right();
    else if (by < -FAR_PX) this.#left();
  }

  cancel(): void {
    this.#begun = undefined;
    this.#by = 0;
  }
}
