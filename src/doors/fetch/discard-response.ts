import { DRAIN_LIMIT } from '../../attempt/drain-handler.ts'
import { isWhole } from '../../fallback/response.ts'

/**
 * Frees the connection of a response that is not going to be read: reads its body if it is short, and cancels it
 * otherwise.
 */
export function discardResponse(response: Response): void {
  const { body }: Partial<Response> = response
  if (typeof body?.cancel !== 'function' || body.locked) return
  const length = isWhole(response) ? response.headers.get('content-length') : null
  const done =
    length !== null && Number(length) <= DRAIN_LIMIT ? body.pipeTo(new WritableStream()) : body.cancel()
  done.catch(() => {})
}
