import { expect, it } from 'vitest'
import { AnswerBody } from '../../src/response/answer-body.ts'

/** A body, and the calls it has made to its connection. */
function begun(): { body: AnswerBody; asked: string[] } {
  const asked: string[] = []
  const body = new AnswerBody()
  body.begin({
    pause: () => asked.push('pause'),
    resume: () => asked.push('resume'),
    abort: ({ message }) => asked.push(`abort: ${message}`),
  })
  return { body, asked }
}

const piece = Buffer.alloc(40_000, 'x')

it('pauses its connection while more than 64 KiB wait, and resumes it when data is taken', () => {
  const { body, asked } = begun()
  body.add(piece)
  expect(asked).toEqual([])
  body.add(piece)
  body.add(piece)
  expect(asked).toEqual(['pause'])
  body.take()
  expect(asked).toEqual(['pause'])
  body.take()
  expect(asked).toEqual(['pause', 'resume'])
})

it('is read completely without pauses by a caller that wants all of it', async () => {
  const { body, asked } = begun()
  body.add(piece)
  body.add(piece)
  const all = body.read((bytes) => bytes)
  body.add(piece)
  body.end()
  expect((await all).length).toBe(120_000)
  expect(asked).toEqual(['pause', 'resume'])
})

it('fails once, and ignores everything after that', async () => {
  const { body } = begun()
  const all = body.read((bytes) => bytes)
  body.fail(new Error('first'))
  body.fail(new Error('second'))
  body.add(piece)
  await expect(all).rejects.toMatchObject({
    message: 'terminated',
    cause: { message: 'first' },
  })
})

it('ends its request when it is cancelled, unless it is already over', () => {
  const { body, asked } = begun()
  body.cancel(new Error('enough'))
  expect(asked).toEqual(['abort: enough'])
  const over = begun()
  over.body.end()
  over.body.cancel(new Error('enough'))
  expect(over.asked).toEqual([])
})
