/** The one JMAP client of the page; `begin` opens it when somebody is signed in. */
import { JmapClient } from '@/jmap/client';

export const client = new JmapClient();
