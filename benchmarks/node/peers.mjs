// One access token checked by libraries of Node: JSON lines in, JSON lines out, one answer a question.
//
//   {"ask": "prepare", "alg", "token", "forged", "key", "issuer", "audience"}  ->  {"peers": [...]}
//   {"ask": "cost", "alg", "peer", "milliseconds"}                             ->  {"microseconds": n}
//
// `key` is the secret in base64url or a public key as PEM. Costs are CPU time, user and system, of all threads.

import { createPublicKey, createSecretKey } from 'node:crypto'
import { createInterface } from 'node:readline'
import { createVerifier } from 'fast-jwt'
import { jwtVerify } from 'jose'
import jsonwebtoken from 'jsonwebtoken'

const WARM_UP = 1500 // milliseconds of CPU a peer: the JIT has made up its mind by then
const BATCH = 200

const prepared = new Map()

/** Each peer with its key loaded, asked for issuer, audience, expiry and "not before"; one has a cache, as ours. */
function checksOf({ alg, key, issuer, audience }) {
  const secret = Buffer.from(key, 'base64url')
  const loaded = alg.startsWith('HS') ? createSecretKey(secret) : createPublicKey(key)
  const options = {
    key: alg.startsWith('HS') ? secret : key,
    algorithms: [alg],
    allowedIss: issuer,
    allowedAud: audience,
    requiredClaims: ['exp', 'nbf'],
  }
  const fast = createVerifier({ ...options, cache: false })
  const remembering = createVerifier({ ...options, cache: 1024 })
  const checks = {
    'fast-jwt': (token) => fast(token),
    'fast-jwt, seen before': (token) => remembering(token),
    jose: (token) =>
      jwtVerify(token, loaded, { algorithms: [alg], issuer, audience, requiredClaims: ['exp', 'nbf'] }),
  }
  if (alg !== 'EdDSA') { // which it does not know
    checks.jsonwebtoken = (token) => jsonwebtoken.verify(token, loaded, { algorithms: [alg], issuer, audience })
  }
  return checks
}

/** Microseconds of CPU a check, each of a text of its own, as requests bring them. */
async function cost({ check, awaits, token }, milliseconds) {
  const bytes = Buffer.from(token)
  let checked = 0
  let spent = 0
  while (spent < milliseconds * 1000) {
    const texts = Array.from({ length: BATCH }, () => bytes.toString('latin1'))
    const began = process.cpuUsage()
    if (awaits) for (const text of texts) await check(text)
    else for (const text of texts) check(text)
    const { user, system } = process.cpuUsage(began)
    spent += user + system
    checked += BATCH
  }
  return spent / checked
}

async function refuses(check, token) {
  try {
    await check(token)
  } catch {
    return true
  }
  return false
}

const asked = {
  async prepare(question) {
    const checks = checksOf(question)
    for (const [peer, check] of Object.entries(checks)) {
      const { alg, token, forged } = question
      const first = check(token)
      await first
      if (!(await refuses(check, forged))) throw new Error(`${peer} accepts a forged ${alg} token`)
      const side = { check, token, awaits: first instanceof Promise }
      prepared.set(`${alg} ${peer}`, side)
      await cost(side, WARM_UP)
    }
    return { peers: Object.keys(checks) }
  },
  async cost({ alg, peer, milliseconds }) {
    return { microseconds: await cost(prepared.get(`${alg} ${peer}`), milliseconds) }
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line)
  console.log(JSON.stringify(await asked[question.ask](question)))
}
