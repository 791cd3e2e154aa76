// Runs each SDK against local servers, in the folder where they are installed. Writes one line of JSON for each.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createClient, fixed, roundRobin } from 'outrigger'
import { cases } from './cases.js'

const CALLS = 20

async function startServer(status, reply) {
  const server = createServer((request, response) => {
    request.resume()
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(status === 200 ? reply : { error: { message: 'busy' } }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stop = () => server.close().closeAllConnections()
  return { url: `http://127.0.0.1:${server.address().port}`, stop }
}

/** All calls with these two servers; `after` happens when half of them are made. */
async function lost({ call }, [a, b], after) {
  const client = createClient({
    service: 'user-service',
    source: fixed([a.url, b.url]),
    balance: roundRobin(),
    budget: { minPerSecond: 100 },
    routes: { 'POST /**': { idempotent: true } },
  })
  const errors = []
  for (let n = 0; n < CALLS; n++) {
    if (n === CALLS / 2) after()
    const given = await call(client, true).catch((error) => String(error))
    if (given !== 'hi') errors.push(given)
  }
  await client.close()
  a.stop()
  b.stop()
  return { count: errors.length, error: errors[0] }
}

/** How often the SDK itself asks a fetch that answers 503, and how it asks. */
async function tries({ call }, quiet) {
  let count = 0
  let input
  let method
  const failing = async (given, init) => {
    count++
    input ??= given instanceof Request ? 'Request' : typeof given === 'string' ? 'string' : 'URL'
    method ??= (given instanceof Request ? given.method : init?.method) ?? 'GET'
    return new Response('{"error":{"message":"busy"}}', { status: 503, headers: { 'retry-after': '0' } })
  }
  const ended = await Promise.race([
    call(failing, quiet).then(
      () => 'answered',
      () => 'failed',
    ),
    new Promise((resolve) => setTimeout(resolve, 20_000, 'goes on')),
  ])
  return { count, input, method: method?.toUpperCase(), ended }
}

for (const each of cases) {
  const { package: name, reply } = each
  const manifest = JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8'))
  const row = { name, version: manifest.version, how: each.how, off: each.off }
  try {
    const killed = [await startServer(200, reply), await startServer(200, reply)]
    row.kill = await lost(each, killed, () => killed[0].stop())
    row.busy = await lost(each, [await startServer(503, reply), await startServer(200, reply)], () => {})
    row.loud = await tries(each, false)
    row.quiet = await tries(each, true)
  } catch (error) {
    row.error = String(error)
  }
  console.log(JSON.stringify(row))
}
process.exit()
