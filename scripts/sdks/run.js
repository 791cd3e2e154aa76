// Runs each SDK against local servers, in the folder in which they are installed. Writes one line of JSON for each.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createClient, fixed, roundRobin } from 'outrigger'
import { cases } from './cases.js'

const CALLS = 20

async function startServer(status, each) {
  const server = createServer((request, response) => {
    request.resume()
    const isStream = status === 200 && each.events !== undefined
    response.writeHead(status, { 'content-type': isStream ? 'text/event-stream' : 'application/json' })
    if (!isStream) {
      response.end(JSON.stringify(status === 200 ? each.reply : { error: { message: 'busy' } }))
      return
    }
    void stream(response, each.events)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stop = () => server.close().closeAllConnections()
  return { url: `http://127.0.0.1:${server.address().port}`, stop }
}

/** Sends each event separately, as a language model does. */
async function stream(response, events) {
  for (const event of events) {
    response.write(asEvent(event))
    await new Promise((resolve) => setImmediate(resolve))
  }
  response.end()
}

function asEvent(event) {
  const data = typeof event === 'string' ? event : JSON.stringify(event)
  return `${event.type ? `event: ${event.type}\n` : ''}data: ${data}\n\n`
}

/** Makes all calls with these two servers. `after` runs when half of them are done. */
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

/** Returns how often the SDK itself retries if fetch returns 503, and how it retries. */
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
  const { package: name } = each
  const manifest = JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8'))
  const row = { name, version: manifest.version, how: each.how, off: each.off }
  try {
    const killed = [await startServer(200, each), await startServer(200, each)]
    row.kill = await lost(each, killed, () => killed[0].stop())
    row.busy = await lost(each, [await startServer(503, each), await startServer(200, each)], () => {})
    row.loud = await tries(each, false)
    row.quiet = await tries(each, true)
  } catch (error) {
    row.error = String(error)
  }
  console.log(JSON.stringify(row))
}
process.exit()
