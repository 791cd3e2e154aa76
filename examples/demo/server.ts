import { createServer } from 'node:http'
import { announceServer, type Announcement } from 'outrigger'
import { fromParent, type Mood } from './ipc.ts'
import { openRegistry } from './registry.ts'

/**
 * One instance of user-service in a separate process. Its arguments are its id, and the address of the registry if that
 * is not the embedded one.
 */
const [, , id = 'server', address] = process.argv

let mood: Mood = 'well'

const server = createServer((request, response) => {
  const answer = (status: number): void => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ id, path: request.url }))
  }
  if (mood === 'failing') answer(503)
  else setTimeout(answer, mood === 'slow' ? 1_500 : 5 + Math.random() * 10, 200)
})

process.on('message', (message) => {
  if (typeof message === 'object' && message !== null && 'mood' in message) mood = message.mood as Mood
})

server.listen(0, '127.0.0.1')
const reachable = address === undefined ? undefined : (await openRegistry(address)).registrar
const registrar = reachable ?? fromParent()
const announcement: Announcement = await announceServer(registrar, 'user-service', server, {
  instance: { id },
  drainDelay: 0,
})

const leave = async (): Promise<void> => {
  await announcement.close()
  process.exit(0)
}
process.once('disconnect', () => void leave())
process.once('SIGTERM', () => void leave())
// Ctrl-C goes to all processes of the group. The parent decides when its servers end.
process.on('SIGINT', () => {})
