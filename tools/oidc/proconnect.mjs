// Runs oidc-provider, a certified OpenID provider, on a loopback port in the
// profile of ProConnect, and writes its issuer to standard output: no PKCE, no
// parameter that it does not know, state and nonce of 32 characters at least,
// codes of half a minute, acr by the claims parameter, userinfo as a signed JWT.
// node proconnect.mjs REDIRECT_URI RETURN_ADDRESS ALGORITHM
import { createServer } from 'node:http';
import { once } from 'node:events';
import { generateKeyPairSync } from 'node:crypto';
import { Provider } from 'oidc-provider';

const [redirectURI, returnAddress, algorithm] = process.argv.slice(2);
const server = createServer();
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const issuer = `http://127.0.0.1:${server.address().port}`;

const key = (alg, type, options) => ({ ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), alg, kid: `${alg}-1`, use: 'sig' });
const agent = { given_name: 'Inès', usual_name: 'Marchand', email: 'ines.marchand@arcades.example', uid: 'imarchand', siret: '21690123100011' };

const provider = new Provider(issuer, {
  clients: [{
    client_id: '5e1b6a4c', client_secret: 'a secret of this test only, and long enough', token_endpoint_auth_method: 'client_secret_post',
    redirect_uris: [redirectURI], post_logout_redirect_uris: [returnAddress], response_types: ['code'], grant_types: ['authorization_code'],
    id_token_signed_response_alg: algorithm, userinfo_signed_response_alg: algorithm,
  }],
  jwks: { keys: [key('RS256', 'rsa', { modulusLength: 2048 }), key('ES256', 'ec', { namedCurve: 'P-256' })] },
  features: {
    devInteractions: { enabled: false }, claimsParameter: { enabled: true }, jwtUserinfo: { enabled: true }, rpInitiatedLogout: { enabled: true },
  },
  pkce: { required: () => false },
  acrValues: ['eidas1', 'eidas2'],
  claims: { acr: null, amr: null, auth_time: null, iss: null, sid: null, openid: ['sub'], ...Object.fromEntries(Object.keys(agent).map((name) => [name, [name]])) },
  scopes: ['openid', ...Object.keys(agent)],
  ttl: { AuthorizationCode: 30, AccessToken: 60, IdToken: 60, Session: 43200, Interaction: 600, Grant: 43200 },
  cookies: { keys: ['a key of this test only'] },
  findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub, ...agent }) }),
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
});

const known = ['response_type', 'client_id', 'redirect_uri', 'scope', 'state', 'nonce', 'claims'];
const callback = provider.callback();
server.on('request', async (request, response) => {
  const at = new URL(request.url, issuer);
  if (at.pathname === '/auth') {
    const unknown = [...at.searchParams.keys()].find((name) => !known.includes(name));
    if (unknown || (at.searchParams.get('state') ?? '').length < 32 || (at.searchParams.get('nonce') ?? '').length < 32) {
      response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify({ error: 'Y000400', parameter: unknown }));
      return;
    }
  }
  if (!at.pathname.startsWith('/interaction/')) {
    callback(request, response);
    return;
  }
  // Whoever comes is the agent, signs in with a password and agrees.
  const { prompt, params, grantId } = await provider.interactionDetails(request, response);
  if (prompt.name === 'login') {
    await provider.interactionFinished(request, response, { login: { accountId: 'agent-1', acr: 'eidas1', amr: ['pwd'] } }, { mergeWithLastSubmission: false });
    return;
  }
  const grant = grantId ? await provider.Grant.find(grantId) : new provider.Grant({ accountId: 'agent-1', clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  grant.addOIDCClaims(['acr', 'amr']);
  await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
});
process.stdout.write(`${issuer}\n`);
