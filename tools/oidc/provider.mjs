// Runs oidc-provider, a certified OpenID provider, on a loopback port, and
// writes its issuer to standard output. Its clients get access tokens as JWTs
// (RFC 9068) for the resource that they name (RFC 8707).
import { createServer } from 'node:http';
import { once } from 'node:events';
import { generateKeyPairSync } from 'node:crypto';
import { Provider } from 'oidc-provider';

const audience = process.argv[2];
const server = createServer();
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const issuer = `http://127.0.0.1:${server.address().port}`;

const key = (alg, type, options) => ({ ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), alg, kid: `${alg}-1`, use: 'sig' });

const client = (id, more) => ({
  client_id: id, client_secret: 'a secret of this test only, and long enough', grant_types: ['client_credentials'],
  redirect_uris: [], response_types: [], ...more,
});

const provider = new Provider(issuer, {
  clients: [client('agent-1'), client('agent-2')],
  jwks: { keys: [key('RS256', 'rsa', { modulusLength: 2048 }), key('ES256', 'ec', { namedCurve: 'P-256' })] },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_ctx, resource) => ({
        scope: 'crm', audience: resource, accessTokenTTL: 300, accessTokenFormat: 'jwt',
        jwt: { sign: { alg: resource.endsWith('/es') ? 'ES256' : 'RS256' } },
      }),
    },
  },
  extraTokenClaims: (_ctx, token) => ({ email: `${token.clientId}@arcades.example`, name: token.clientId, groups: token.clientId === 'agent-1' ? ['crm'] : [] }),
});
server.on('request', provider.callback());
process.stdout.write(`${issuer} ${audience ?? ''}\n`);
