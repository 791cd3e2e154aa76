import { requestRow } from '../harness/request-row.ts'
import type { Row } from '../harness/row.ts'

export const row: Row = requestRow(256)
