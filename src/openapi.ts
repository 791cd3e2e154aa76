export type { OpenAPI } from './typed/openapi.ts'
export type { TypedResponse } from './typed/response.ts'
