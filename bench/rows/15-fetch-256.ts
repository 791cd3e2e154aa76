import { fetchRow } from '../harness/fetch-row.ts'
import type { Row } from '../harness/row.ts'

export const row: Row = fetchRow(256)
