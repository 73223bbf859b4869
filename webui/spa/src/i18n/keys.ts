/** The type of every text's key, from the English texts. */
import type admin from './admin/en.json';
import type app from './app/en.json';
import type compose from './compose/en.json';
import type contacts from './contacts/en.json';
import type escrow from './escrow/en.json';
import type keys from './keys/en.json';
import type mail from './mail/en.json';
import type privacy from './privacy/en.json';
import type render from './render/en.json';
import type search from './search/en.json';
import type secure from './secure/en.json';
import type settings from './settings/en.json';
import type signin from './signin/en.json';
import type state from './state/en.json';
import type ui from './ui/en.json';

interface Areas {
  admin: typeof admin;
  app: typeof app;
  compose: typeof compose;
  contacts: typeof contacts;
  escrow: typeof escrow;
  keys: typeof keys;
  mail: typeof mail;
  privacy: typeof privacy;
  render: typeof render;
  search: typeof search;
  secure: typeof secure;
  settings: typeof settings;
  signin: typeof signin;
  state: typeof state;
  ui: typeof ui;
}

/** `area.name`, for every text there is. */
export type TextKey = {
  [Area in keyof Areas]: `${Area}.${keyof Areas[Area] & string}`;
}[keyof Areas];
