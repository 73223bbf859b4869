/** Whether the server can be reached, and how old what is shown is while it cannot. */

class Online {
  #reachable = $state(navigator.onLine);
  #shownFrom = $state.raw<Date | undefined>();

  constructor() {
    addEventListener('online', () => (this.#reachable = true));
    addEventListener('offline', () => (this.#reachable = false));
  }

  get reachable(): boolean {
    return this.#reachable;
  }

  /** Since when what is shown is no longer news; for the bar over the page. */
  get shownFrom(): Date | undefined {
    return this.#shownFrom;
  }
  set shownFrom(at: Date | undefined) {
    this.#shownFrom = at;
  }

  /** What a request found out; a browser says `online` for any network. */
  found(reachable: boolean): void {
    this.#reachable = reachable;
    if (reachable) this.#shownFrom = undefined;
  }
}

export const online = new Online();
