// A provider of OpenID Connect that is not ours: node-oidc-provider with its own sign-in pages, which take any name.
//
//   provider.js MODULES SECRET    prints {"issuer": ...} and ends when its input does
//
// Its client is `taizhang` with that secret, on whatever port of this machine.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [modules, secret] = process.argv.slice(2);
const { default: Provider, interactionPolicy } = await import(pathToFileURL(join(modules, 'node_modules/oidc-provider/lib/index.js')));

// Whoever started it reads one line.
console.info = console.error;

// Nobody is asked what we may know of them, as native applications ask.
const policy = interactionPolicy.base();
policy.get('consent').checks.remove('native_client_prompt');

const key = (type, options) => generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' });
const server = createServer().listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'taizhang',
      client_secret: secret,
      // A native application may come from any port of this machine (RFC 8252, section 7.3).
      application_type: 'native',
      redirect_uris: ['http://127.0.0.1/sign-in/provider/back'],
      grant_types: ['authorization_code'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
    }],
    cookies: { keys: ['a key for the tests'] },
    jwks: { keys: [{ ...key('rsa', { modulusLength: 2048 }), kid: 'of-today', use: 'sig', alg: 'RS256' }] },
    pkce: { required: () => true },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    interactions: { policy },
    async loadExistingGrant(ctx) {
      const { client, session, params } = ctx.oidc;
      const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
      grant.addOIDCScope(params.scope);
      await grant.save();
      return grant;
    },
  });
  server.on('request', provider.callback());
  process.stdout.write(`${JSON.stringify({ issuer })}\n`);
});
process.stdin.resume().on('end', () => process.exit(0));
