// Runs samlp, a SAML 2.0 provider, on a loopback port and writes its address to
// standard output. The folder that it is given has its key and certificate, and
// later the certificate by which it judges requests.
// node provider.mjs FOLDER ASSERTION_CONSUMER_SERVICE
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import express from 'express';
import samlp from 'samlp';

const [folder, assertionConsumer] = process.argv.slice(2);
const read = (name) => readFileSync(join(folder, name), 'utf8');
const app = express();
const server = app.listen(0, '127.0.0.1', () => process.stdout.write(`http://127.0.0.1:${server.address().port}\n`));

const user = { id: 'agent-1', emails: [{ value: 'ines.marchand@arcades.example' }], displayName: 'Inès Marchand', name: {}, provider: 'saml' };
app.get('/saml', (request, response, next) => samlp.auth({
  issuer: 'urn:samlp', key: read('idp.key'), cert: read('idp.pem'), signingCert: read('sp.pem'),
  signResponse: request.query.sign === 'response', signAssertion: request.query.sign !== 'response',
  destination: assertionConsumer, recipient: assertionConsumer, lifetimeInSeconds: 60,
  nameIdentifierFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
  authnContextClassRef: 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport',
  getUserFromRequest: () => user,
  getPostURL: (_audience, _request, _req, callback) => callback(null, assertionConsumer),
})(request, response, next));
app.use((error, _request, response, _next) => response.status(400).send(String(error.message ?? error)));
