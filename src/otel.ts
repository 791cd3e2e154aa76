export { otel, type Otel, type OtelOptions } from './otel/otel.ts'
export { isOwnRequest } from './otel/context.ts'
