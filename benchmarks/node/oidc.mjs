// oidc-provider on PostgreSQL: refresh with rotation, access tokens as JWT by ES256, for the benchmarks alone.
//
//   node oidc.mjs oidc-provider FD      with PEER_DATABASE_URL; "ready" goes to stdout once it is served
//
// Its adapter is what its documentation asks for: one table, an upsert for each model, found by its key, consumed by
// setting a field, revoked by the grant. Every statement is prepared, on ten pooled connections.

import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import pg from 'pg'
import { Provider } from 'oidc-provider'

const pool = new pg.Pool({ connectionString: process.env.PEER_DATABASE_URL, max: 10 })
await pool.query(`CREATE TABLE IF NOT EXISTS oidc (
  model text NOT NULL, id text NOT NULL, payload jsonb NOT NULL, grant_id text, uid text, expires_at timestamptz,
  PRIMARY KEY (model, id))`)
await pool.query('CREATE INDEX IF NOT EXISTS oidc_grant_id ON oidc (grant_id)')
await pool.query('CREATE INDEX IF NOT EXISTS oidc_uid ON oidc (uid)')

class Table {
  constructor(model) {
    this.model = model
  }

  async upsert(id, payload, expiresIn) {
    const expires = expiresIn ? new Date(Date.now() + expiresIn * 1000) : null
    await pool.query({
      name: 'upsert',
      text: `INSERT INTO oidc (model, id, payload, grant_id, uid, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (model, id) DO UPDATE SET payload = excluded.payload, expires_at = excluded.expires_at`,
      values: [this.model, id, payload, payload.grantId, payload.uid, expires],
    })
  }

  async find(id) {
    const { rows } = await pool.query({
      name: 'find',
      text: 'SELECT payload FROM oidc WHERE model = $1 AND id = $2 AND (expires_at IS NULL OR expires_at > $3)',
      values: [this.model, id, new Date()],
    })
    return rows[0]?.payload
  }

  async findByUid(uid) {
    const { rows } = await pool.query('SELECT payload FROM oidc WHERE model = $1 AND uid = $2', [this.model, uid])
    return rows[0]?.payload
  }

  async findByUserCode() {}

  async consume(id) {
    await pool.query({
      name: 'consume',
      text: `UPDATE oidc SET payload = jsonb_set(payload, '{consumed}', to_jsonb($3::bigint))
        WHERE model = $1 AND id = $2`,
      values: [this.model, id, Math.floor(Date.now() / 1000)],
    })
  }

  async destroy(id) {
    await pool.query('DELETE FROM oidc WHERE model = $1 AND id = $2', [this.model, id])
  }

  async revokeByGrantId(grantId) {
    await pool.query('DELETE FROM oidc WHERE grant_id = $1', [grantId])
  }
}

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const RESOURCE = 'urn:api'
const provider = new Provider('http://localhost', {
  adapter: Table,
  clients: [
    {
      client_id: 'app',
      token_endpoint_auth_method: 'none',
      id_token_signed_response_alg: 'ES256',
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: ['http://localhost/back'],
    },
  ],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: 'benchmark' }] },
  cookies: { keys: ['a key of the benchmark, which protects nothing'] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  rotateRefreshToken: true,
  features: {
    devInteractions: { enabled: false },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => RESOURCE,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'read',
        audience: 'api',
        accessTokenFormat: 'jwt',
        accessTokenTTL: 900,
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
})

/** A grant and its first refresh token, as an authorization ends in. */
async function grant(account) {
  const client = await provider.Client.find('app')
  const granted = new provider.Grant({ accountId: account, clientId: 'app' })
  granted.addResourceScope(RESOURCE, 'read')
  const grantId = await granted.save()
  const token = new provider.RefreshToken({
    accountId: account,
    client,
    grantId,
    gty: 'authorization_code',
    resource: RESOURCE,
    scope: 'offline_access read',
    rotations: 0,
    iiat: Math.floor(Date.now() / 1000),
  })
  return token.save()
}

const served = provider.callback()
const server = createServer(async (request, response) => {
  if (request.url !== '/grant') return served(request, response)
  const parts = []
  for await (const part of request) parts.push(part)
  const body = JSON.stringify({ refresh_token: await grant(JSON.parse(Buffer.concat(parts)).account) })
  response.setHeader('Content-Length', Buffer.byteLength(body))
  response.end(body)
})
server.keepAliveTimeout = 75_000
server.listen({ fd: Number(process.argv[3]) }, () => console.log('ready'))
process.on('SIGTERM', () => process.exit(0))
