/** As much of an IMAP client as it takes to be the other program that changes mail. */
import { connect, type Socket } from 'node:net';

export class Imap {
  #socket: Socket;
  #text = '';
  #count = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => (this.#text += text));
  }

  static async open(port: number, login: string, password: string): Promise<Imap> {
    const imap = new Imap(connect(port, '127.0.0.1'));
    await imap.#until(() => imap.#text.includes('\r\n'));
    await imap.ask(`LOGIN "${login}" "${password}"`);
    return imap;
  }

  /** Sends a command and returns all that came up to its end. Throws where it is refused. */
  async ask(command: string, literal?: string): Promise<string> {
    const tag = `a${(this.#count += 1)}`;
    this.#text = '';
    this.#socket.write(`${tag} ${command}\r\n`);
    if (literal !== undefined) {
      await this.#until(() => this.#text.startsWith('+'));
      this.#socket.write(`${literal}\r\n`);
    }
    await this.#until(() => new RegExp(`^${tag} .*\r\n`, 'm').test(this.#text));
    if (!new RegExp(`^${tag} OK`, 'm').test(this.#text)) throw new Error(this.#text);
    return this.#text;
  }

  append(mailbox: string, message: string): Promise<string> {
    return this.ask(`APPEND ${mailbox} {${Buffer.byteLength(message)}}`, message);
  }

  async #until(isSo: () => boolean): Promise<void> {
    const end = Date.now() + 20_000;
    while (!isSo()) {
      if (Date.now() > end) throw new Error(`no answer: ${this.#text}`);
      await new Promise((go) => setTimeout(go, 5));
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}
