import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { OutriggerError } from '../../src/errors.ts'
import type { Outcome } from '../../src/observe/events.ts'
import { answerVerdict, asksForPause, endingOfAnswer } from '../../src/verdict/answer.ts'
import type { AttemptResult } from '../../src/verdict/classify.ts'
import { endingOfFault, faultVerdict, thrownVerdict, type Fault } from '../../src/verdict/fault.ts'
import { isReplayable, whyNotAgain } from '../../src/verdict/again.ts'
import { isCallersFault, watched } from '../../src/verdict/callers-fault.ts'
import { isSameIncident } from '../../src/verdict/incident.ts'
import { isTimeLimit } from '../../src/verdict/time-limit.ts'
import { afterRedirect, overruled, VERDICTS, type Ending, type Verdict } from '../../src/verdict/verdict.ts'

const coded = (code: string, message = code): Error => Object.assign(new Error(message), { code })

/** The request was sent on a new connection, without a response. */
const SENT = { sent: true, isAnswered: false, isReused: false, body: null }
const UNSENT = { ...SENT, sent: false }
const REUSED = { ...SENT, isReused: true }
const ANSWERED = { ...REUSED, isAnswered: true }
const GOAWAY = 'HTTP/2: "GOAWAY" frame received with code 0'

describe('the table of verdicts', () => {
  it('says for each ending who is responsible, what it counts as, and what may be done', () => {
    const rows = Object.entries(VERDICTS).map(
      ([ending, { whose, outcome, processed, again, about, together }]) =>
        [ending, whose, outcome, processed, again, about, together].join(' '),
    )
    expect(rows).toEqual([
      'good instance success yes never http never',
      'bad instance failure yes charged http never',
      'busy instance overload yes charged http never',
      'dismissed caller ignored yes never http never',
      'breach instance failure yes never http never',
      'truncated instance failure yes never connection always',
      'untakeable client ignored yes never http never',
      'notConnected instance failure no free connection always',
      'unreachable instance failure no free connection answering',
      'broken instance failure maybe charged connection always',
      'silent instance failure maybe charged http answering',
      'threw instance failure maybe charged http never',
      'deadConnection path ignored maybe free connection never',
      'unprocessed path ignored no free connection never',
      'queued client ignored no never http never',
      'lateTimer client ignored maybe never http never',
      'outOfResources client ignored no never http never',
      'nestedRefusal client ignored maybe never http never',
      'mistaken caller ignored maybe never http never',
      'abandoned caller ignored maybe never http never',
    ])
  })

  it('is the same in docs/verdict.md, row by row', () => {
    const page = readFileSync(new URL('../../docs/verdict.md', import.meta.url), 'utf8')
    const cells = [...page.matchAll(/^\| `(\w+)` .*$/gm)].map(([line]) =>
      line.split('|').map((cell) => cell.trim()),
    )
    const documented = cells.map(([, name = '', , whose, outcome, processed, again, about, together]) => [
      name.replaceAll('`', ''),
      { whose, outcome, processed, again, about, together },
    ])
    expect(new Set(documented.map(([name]) => name))).toEqual(new Set(Object.keys(VERDICTS)))
    for (const row of Object.entries(VERDICTS)) expect(documented).toContainEqual(row)
  })

  it('ignores no ending whose retry is charged', () => {
    for (const verdict of Object.values(VERDICTS)) {
      const all = [verdict, afterRedirect(verdict), overruled(verdict, 'ignored')]
      expect(all.filter(({ outcome, again }) => outcome === 'ignored' && again === 'charged')).toEqual([])
    }
  })

  it('holds the instance responsible for every failure, and for nothing that is ignored', () => {
    for (const { whose, outcome } of Object.values(VERDICTS)) {
      expect(whose === 'instance').toBe(outcome !== 'ignored')
    }
  })
})

describe('the ending of a request that failed', () => {
  it.each<[Ending, string, Omit<Fault, 'error'>, unknown]>([
    ['notConnected', 'the connection is refused', UNSENT, coded('ECONNREFUSED')],
    ['notConnected', 'a certificate is wrong', UNSENT, coded('ERR_TLS_CERT_ALTNAME_INVALID')],
    ['notConnected', 'the name is not known', UNSENT, coded('ENOTFOUND')],
    ['notConnected', 'the connection breaks while it is made', UNSENT, coded('ECONNRESET')],
    ['unreachable', 'undici’s connect timeout passes', UNSENT, coded('UND_ERR_CONNECT_TIMEOUT')],
    ['unreachable', 'the system’s connect timeout passes', UNSENT, coded('ETIMEDOUT')],
    ['outOfResources', 'this process has no more files', UNSENT, coded('EMFILE')],
    ['outOfResources', 'this host has no more ports', UNSENT, coded('EADDRNOTAVAIL')],
    ['broken', 'a new connection is reset', SENT, coded('ECONNRESET')],
    ['broken', 'a new connection is closed', SENT, coded('UND_ERR_SOCKET', 'other side closed')],
    ['broken', 'the response is not HTTP', REUSED, coded('HPE_INVALID_CONSTANT')],
    ['broken', 'the response is not valid', REUSED, coded('UND_ERR_SOCKET', 'bad response')],
    ['deadConnection', 'a reused connection is reset', REUSED, coded('ECONNRESET')],
    ['deadConnection', 'a reused connection cannot be written to', REUSED, coded('EPIPE')],
    ['deadConnection', 'a reused connection is closed', REUSED, coded('UND_ERR_SOCKET', 'other side closed')],
    ['unprocessed', 'the stream is above the last one of a GOAWAY', SENT, coded('UND_ERR_INFO', GOAWAY)],
    ['unprocessed', 'the stream is refused', SENT, Object.assign(new Error('x'), { http2ErrorCode: 7 })],
    [
      'unprocessed',
      'the headers of the stream were not sent',
      REUSED,
      coded('UND_ERR_INFO', 'HTTP/2: "frameError" received - type 1, code 2'),
    ],
    [
      'broken',
      'another frame of the stream was not sent',
      SENT,
      coded('UND_ERR_INFO', 'HTTP/2: "frameError" received - type 0, code 2'),
    ],
    ['broken', 'the stream is reset', SENT, Object.assign(new Error('x'), { http2ErrorCode: 2 })],
    ['silent', 'undici’s headersTimeout passes', REUSED, coded('UND_ERR_HEADERS_TIMEOUT')],
    ['truncated', 'the body is cut short', ANSWERED, coded('UND_ERR_SOCKET', 'other side closed')],
    ['truncated', 'a GOAWAY came in the body', ANSWERED, coded('UND_ERR_INFO', GOAWAY)],
    ['untakeable', 'the headers are too long', SENT, coded('UND_ERR_HEADERS_OVERFLOW')],
    ['untakeable', 'the body is too long', ANSWERED, coded('UND_ERR_RES_EXCEEDED_MAX_SIZE')],
    ['mistaken', 'the request is not valid', UNSENT, coded('UND_ERR_INVALID_ARG')],
    ['broken', 'nothing is known', SENT, undefined],
    ['broken', 'the thrown value is not an Error', REUSED, 'ECONNRESET'],
  ])('is %s when %s', (ending, _when, how, error) => {
    expect(endingOfFault({ ...how, error })).toBe(ending)
  })

  it('counts as the user’s `classify` says, unless the caller caused it or it was already counted', () => {
    const says = (outcome: Outcome) => (): Outcome => outcome
    const reset = { ...REUSED, error: coded('ECONNRESET') }
    expect(faultVerdict(reset, undefined)).toBe(VERDICTS.deadConnection)
    expect(faultVerdict(reset, says('failure'))).toMatchObject({ whose: 'instance', outcome: 'failure' })
    expect(faultVerdict({ ...reset, ...SENT }, says('ignored'))).toMatchObject({
      whose: 'caller',
      outcome: 'ignored',
      again: 'never',
    })
    expect(faultVerdict({ ...reset, ...ANSWERED }, says('ignored'))).toBe(VERDICTS.truncated)
    const mistake = { ...UNSENT, error: coded('UND_ERR_INVALID_ARG') }
    expect(faultVerdict(mistake, says('failure'))).toBe(VERDICTS.mistaken)
  })
})

describe('the verdict', () => {
  it.each<[AttemptResult, Outcome]>([
    [{ status: 200 }, 'success'],
    [{ status: 404 }, 'success'],
    [{ status: 500 }, 'failure'],
    [{ status: 501 }, 'success'],
    [{ status: 503 }, 'failure'],
    [{ status: 503, headers: { 'retry-after': '1' } }, 'overload'],
    [{ status: 429 }, 'overload'],
    [{ value: 42 }, 'success'],
  ])('on a response of %j is a %s', (answer, outcome) => {
    expect(answerVerdict(answer, undefined).outcome).toBe(outcome)
    expect(answerVerdict(answer, () => 'ignored')).toMatchObject(VERDICTS.dismissed)
  })

  it('on an error that a function threw is a failure, unless it is a refusal of this client', () => {
    expect(thrownVerdict(new Error('boom'), undefined)).toBe(VERDICTS.threw)
    const refusal = new OutriggerError('ERR_OUTRIGGER_DENIED', 'no')
    expect(thrownVerdict(refusal, undefined)).toBe(VERDICTS.nestedRefusal)
    expect(thrownVerdict(refusal, () => 'failure')).toMatchObject({ outcome: 'failure', again: 'charged' })
  })

  it('after a redirect never allows what it would not allow for the first request', () => {
    for (const verdict of Object.values<Verdict>(VERDICTS)) {
      const after = afterRedirect(verdict)
      expect(after).toMatchObject({ whose: verdict.whose, outcome: verdict.outcome })
      expect(after.processed).not.toBe('no')
      expect(after.again).not.toBe('free')
      if (verdict.again === 'free')
        expect(after.again).toBe(verdict.outcome === 'ignored' ? 'never' : 'charged')
    }
  })
})

describe('the caller’s input is responsible', () => {
  const named = (name: string): Error => Object.assign(new Error(name), { name })

  it('if a file has changed since, but not if its connection broke', () => {
    const file = new Blob(['a'])
    expect(isCallersFault(named('NotReadableError'), file)).toBe(true)
    expect(isCallersFault(coded('ECONNRESET'), file)).toBe(false)
    expect(isCallersFault(named('NotReadableError'), 'text')).toBe(false)
  })

  it('if an iterable body has thrown, but not if its connection broke', async () => {
    const broken = watched({
      async *[Symbol.asyncIterator]() {
        yield 'a'
        throw coded('ECONNRESET')
      },
    })
    expect(isCallersFault(coded('ECONNRESET'), broken)).toBe(false)
    const read = async (): Promise<void> => {
      for await (const chunk of broken) expect(chunk).toBe('a')
    }
    await expect(read()).rejects.toThrow('ECONNRESET')
    expect(isCallersFault(coded('ECONNRESET'), broken)).toBe(true)
  })

  it('if the request cannot be sent at all, whatever its body', () => {
    for (const body of [undefined, null, 'text', new Blob([])]) {
      expect(isCallersFault(coded('UND_ERR_INVALID_ARG'), body)).toBe(true)
    }
  })
})

it.each<[unknown, boolean]>([
  [undefined, true],
  [null, true],
  ['text', true],
  [new Uint8Array(1), true],
  [new ArrayBuffer(1), true],
  [new URLSearchParams(), true],
  [new Blob([]), true],
  [new FormData(), true],
  [new ReadableStream(), false],
  [{}, false],
])('the body %s can be sent again: %s', (body, isSentAgain) => {
  expect(isReplayable(body)).toBe(isSentAgain)
})

describe('a response that counts as a failure is retried', () => {
  it.each([429, 502, 503, 504])('with the status %i: another instance may respond better', (status) => {
    expect(whyNotAgain(VERDICTS.bad, status, true)).toBeUndefined()
    expect(whyNotAgain(VERDICTS.bad, status, false), 'not a POST, which was worked on').toBe('not-idempotent')
  })

  it.each([500, 501, 505, 507])(
    'not with the status %i: it would be the same on every instance',
    (status) => {
      expect(whyNotAgain(VERDICTS.bad, status, true)).toBe('status')
    },
  )

  it('with a status below 500 if `classify` made it a failure', () => {
    expect(whyNotAgain(VERDICTS.bad, 404, true)).toBeUndefined()
    expect(whyNotAgain(VERDICTS.bad, undefined, true)).toBeUndefined()
  })
})

describe('a response', () => {
  const answer = (status: number | undefined, retryAfter?: string): AttemptResult => ({
    status,
    headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter },
    error: undefined,
  })

  it.each<[number | undefined, string | undefined, Ending]>([
    [undefined, undefined, 'good'],
    [undefined, '1', 'good'],
    [499, undefined, 'good'],
    [500, undefined, 'bad'],
    [501, undefined, 'good'],
    [502, undefined, 'bad'],
    [505, undefined, 'good'],
    [506, undefined, 'bad'],
    [429, undefined, 'busy'],
    [503, undefined, 'bad'],
    [503, '1', 'busy'],
    [502, '1', 'bad'],
  ])('with the status %s and Retry-After %s is %s', (status, retryAfter, ending) => {
    expect(endingOfAnswer(answer(status, retryAfter))).toBe(ending)
    expect(answerVerdict(answer(status, retryAfter), undefined)).toBe(VERDICTS[ending])
  })

  it.each<[number | undefined, string | undefined, boolean]>([
    [429, '1', true],
    [503, '1', true],
    [429, undefined, false],
    [503, undefined, false],
    [502, '1', false],
    [undefined, '1', false],
  ])('with the status %s and Retry-After %s asks for a pause: %s', (status, retryAfter, asks) => {
    expect(asksForPause(answer(status, retryAfter))).toBe(asks)
  })

  it('has the pause of `classify`, and none if `classify` says so although the server asked for one', () => {
    const pauseOf = (pause: number | undefined, retryAfter?: string): number | undefined =>
      answerVerdict(answer(503, retryAfter), () => ({
        outcome: 'overload',
        ...(pause !== undefined && { pause }),
      })).pause
    expect(pauseOf(500)).toBe(500)
    expect(pauseOf(500, '1')).toBe(500)
    expect(pauseOf(0, '1')).toBe(0)
    expect(pauseOf(0)).toBeUndefined()
    expect(pauseOf(undefined, '1')).toBeUndefined()
  })
})

describe('an incident', () => {
  const incident = { firstAt: 10_000, lastAt: 11_000 }
  it.each<[number, number, boolean, boolean]>([
    [9_999, 10_250, false, true],
    [9_999, 10_251, false, false],
    [10_000, 10_000, false, false],
    [9_999, 11_250, true, true],
    [9_999, 11_250, false, false],
    [9_999, 11_251, true, false],
  ])('holds an attempt from %i to %i, spreading %s: %s', (startedAt, now, spreads, isSame) => {
    expect(isSameIncident(incident, startedAt, now, spreads)).toBe(isSame)
  })

  it('spreads for two seconds', () => {
    expect(isSameIncident({ firstAt: 10_000, lastAt: 12_000 }, 9_000, 12_000, true)).toBe(true)
    expect(isSameIncident({ firstAt: 10_000, lastAt: 12_000 }, 9_000, 12_001, true)).toBe(false)
  })
})

it('a reason that cannot be inspected is no timeout', () => {
  const unreadable = Object.defineProperty({}, 'name', {
    get: () => {
      throw new Error('mine')
    },
  })
  expect([isTimeLimit(unreadable), isTimeLimit(undefined), isTimeLimit({ name: 'TimeoutError' })]).toEqual([
    false,
    false,
    true,
  ])
})
