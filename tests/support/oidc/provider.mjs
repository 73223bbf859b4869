// npm's oidc-provider as an organisation would run it, with one person at the keyboard.
//
//   node provider.mjs <directory>
//
// <directory> has cert.pem, key.pem and settings.json: {client_id, client_secret, redirect_uri}.
// It says where it is in one line of JSON. POST /test/person says who signs in next and how (or
// that they refuse); POST /test/rotate gives it new keys.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { join } from 'node:path';

import Provider from 'oidc-provider';

const directory = process.argv[2];
const settings = JSON.parse(readFileSync(join(directory, 'settings.json'), 'utf8'));
let person = {};
let answer;

function keys() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = privateKey.export({ format: 'jwk' });
  return { keys: [{ ...key, kid: randomUUID(), use: 'sig', alg: 'ES256' }] };
}

function provider(issuer) {
  return new Provider(issuer, {
    jwks: keys(),
    cookies: { keys: [randomUUID()] },
    clients: [
      {
        client_id: settings.client_id,
        client_secret: settings.client_secret,
        redirect_uris: [settings.redirect_uri],
        response_types: ['code'],
        grant_types: ['authorization_code'],
        id_token_signed_response_alg: 'ES256',
      },
    ],
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    acrValues: ['gold', 'silver'],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], acr: null, amr: null },
    features: { devInteractions: { enabled: false }, claimsParameter: { enabled: true } },
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_context, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: person.email, email_verified: person.verified ?? true }),
    }),
    // The organisation consents for its people.
    loadExistingGrant: async (context) => {
      const grant = new context.oidc.provider.Grant({
        clientId: context.oidc.client.clientId,
        accountId: context.oidc.session.accountId,
      });
      grant.addOIDCScope('openid email');
      grant.addOIDCClaims(['email', 'email_verified', 'acr', 'amr']);
      await grant.save();
      return grant;
    },
  });
}

async function body(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return JSON.parse(Buffer.concat(pieces).toString() || '{}');
}

async function serve(request, response) {
  if (request.url === '/test/person') {
    person = await body(request);
    response.writeHead(204).end();
  } else if (request.url === '/test/rotate') {
    begin();
    response.writeHead(204).end();
  } else if (request.url.startsWith('/interaction/')) {
    const login = { accountId: person.sub, amr: person.amr, acr: person.acr };
    const outcome = person.refuses ? { error: 'access_denied' } : { login };
    await current.interactionFinished(request, response, outcome);
  } else {
    await answer(request, response);
  }
}

const server = createServer(
  {
    cert: readFileSync(join(directory, 'cert.pem')),
    key: readFileSync(join(directory, 'key.pem')),
  },
  (request, response) => {
    serve(request, response).catch((error) => {
      console.error(error);
      response.writeHead(500).end();
    });
  },
);

let current;

function begin() {
  current = provider(`https://localhost:${server.address().port}`);
  answer = current.callback();
}

server.listen(0, '127.0.0.1', () => {
  begin();
  console.log(JSON.stringify({ issuer: `https://localhost:${server.address().port}` }));
});
