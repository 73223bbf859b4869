/**
 * Reads what mail apps are told about the servers (Thunderbird's autoconfig 1.1).
 *
 * The page's policy lets nothing parse documents; the few elements that are wanted are flat text of
 * our own server.
 */

export interface MailServer {
  /** IMAP or SMTP. */
  kind: string;
  isIncoming: boolean;
  host: string;
  port: string;
  security: string;
}

const SERVER = /<(incoming|outgoing)Server\s+type="(\w+)"[^>]*>(.*?)<\/\1Server>/gs;
const SECURITY: Record<string, string> = { SSL: 'TLS', STARTTLS: 'STARTTLS' };

/** Returns the servers in their order; none where the host offers none to apps. */
export function readServers(xml: string): MailServer[] {
  return [...xml.matchAll(SERVER)].map(([, way = '', kind = '', inside = '']) => {
    const text = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(inside)?.[1]?.trim() ?? '';
    const socket = text('socketType');
    return {
      kind: kind.toUpperCase(),
      isIncoming: way === 'incoming',
      host: text('hostname'),
      port: text('port'),
      security: SECURITY[socket] ?? socket,
    };
  });
}
