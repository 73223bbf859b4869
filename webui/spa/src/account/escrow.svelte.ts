/** Whether custodians of the organisation can open the mailbox, as the server said it last. */
import { account } from './client';
import type { Escrow } from './types';

class EscrowKnown {
  #told = $state.raw<Escrow>();

  /** What the server said; undefined until it did. */
  get told(): Escrow | undefined {
    return this.#told;
  }

  /** Whether escrow is on here, so that the page says so wherever one is. */
  get isOn(): boolean {
    return this.#told !== undefined && this.#told.state !== 'off' && this.#told.policy !== '';
  }

  /** Asks the server. */
  async look(): Promise<Escrow> {
    this.#told = await account.escrow();
    return this.#told;
  }
}

export const escrow = new EscrowKnown();
