/** `mailto:` links as the beginning of a message; pure (RFC 6068). */
import type { Address } from '@/jmap/types';
import { parseAddresses } from './addresses';

export interface Mailto {
  to: Address[];
  cc: Address[];
  bcc: Address[];
  subject: string;
  text: string;
}

/** Reads a link; what is in it that is no recipient, subject or body is left out (§7). */
export function parseMailto(url: string): Mailto {
  const [path = '', query = ''] = url.replace(/^mailto:/i, '').split(/\?(.*)/s);
  const found: Mailto = { to: [], cc: [], bcc: [], subject: '', text: '' };
  add(found, 'to', decoded(path));
  for (const field of query.split('&')) {
    const [name = '', value = ''] = field.split(/=(.*)/s);
    const text = decoded(value);
    switch (decoded(name).toLowerCase()) {
      case 'to':
      case 'cc':
      case 'bcc':
        add(found, decoded(name).toLowerCase() as 'to', text);
        break;
      case 'subject':
        found.subject = text.replace(/\s+/g, ' ').trim();
        break;
      case 'body':
        found.text = text.replace(/\r\n?/g, '\n');
        break;
    }
  }
  return found;
}

function add(found: Mailto, name: 'to' | 'cc' | 'bcc', text: string): void {
  found[name].push(...parseAddresses(text).addresses);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
