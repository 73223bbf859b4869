/** What this device keeps of how things look: never mail, never an address. */
const PLACE = 'zegel.device';

class Device {
  #kept = $state.raw<Record<string, unknown>>(read());

  get<Value>(key: string, otherwise: Value): Value {
    return key in this.#kept ? (this.#kept[key] as Value) : otherwise;
  }

  set(key: string, value: unknown): void {
    this.#kept = { ...this.#kept, [key]: value };
    try {
      localStorage.setItem(PLACE, JSON.stringify(this.#kept));
    } catch {
      // A browser that keeps nothing still works; the next visit begins anew.
    }
  }
}

function read(): Record<string, unknown> {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(PLACE) ?? '{}');
    return typeof kept === 'object' && kept !== null ? (kept as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

export const device = new Device();
