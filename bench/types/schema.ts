/** Returns source files in the format of openapi-typescript 7, for `count` paths with three operations each. */
export function schemaSource(count: number): string {
  const indexes = Array.from({ length: count }, (_, index) => index)
  return `export interface paths {
${indexes.map(pathItem).join('')}}
export interface components {
  schemas: {
${indexes.map(schemas).join('')}    Problem: { title: string; detail?: string; status: number };
  };
  responses: {
    Problem: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } };
  };
}
export interface operations {
${indexes.map(operations).join('')}}
`
}

const NONE = 'query?: never; header?: never; path?: never; cookie?: never;'

function pathItem(index: number): string {
  return `  "/things${index}/{id}": {
    parameters: { query?: never; header?: never; path: { id: number }; cookie?: never; };
    get: operations["getThing${index}"];
    put?: never;
    post?: never;
    delete: { parameters: { ${NONE.replace('path?: never', 'path: { id: number }')} }; requestBody?: never; responses: { 204: { headers: { [name: string]: unknown }; content?: never }; 404: components["responses"]["Problem"] } };
    options?: never;
    head?: never;
    patch: operations["patchThing${index}"];
    trace?: never;
  };
`
}

function schemas(index: number): string {
  return `    Thing${index}: { id: number; name: string; tags: string[]; owner?: { id: number; email: string }; state: "on" | "off" | "gone${index}" };
    ThingPatch${index}: { name?: string; tags?: string[]; state?: "on" | "off" };
`
}

function operations(index: number): string {
  const json = `headers: { [name: string]: unknown }; content: { "application/json": components["schemas"]["Thing${index}"] }`
  return `  getThing${index}: {
    parameters: { query?: { full?: boolean; fields?: string[] }; header?: never; path: { id: number }; cookie?: never; };
    requestBody?: never;
    responses: { 200: { ${json} }; 404: components["responses"]["Problem"]; default: components["responses"]["Problem"] };
  };
  patchThing${index}: {
    parameters: { query?: never; header?: never; path: { id: number }; cookie?: never; };
    requestBody: { content: { "application/json": components["schemas"]["ThingPatch${index}"] } };
    responses: { 200: { ${json} }; 409: components["responses"]["Problem"] };
  };
`
}

/** The same calls with each client: half GET, half PATCH. Each response is narrowed and read. */
export const callers: Readonly<Record<'outrigger' | 'openapi-fetch', (sites: number) => string>> = {
  outrigger: (sites) => `import { createClient, fixed, type OpenAPI } from 'outrigger'
import type { paths } from './schema.js'
const client = createClient<OpenAPI<paths>>({ service: 'things', source: fixed(['http://127.0.0.1:80']) })
${sitesOf(
  sites,
  (index) => `export async function get${index}(): Promise<string> {
  const response = await client('GET /things${index}/{id}', { params: { id: ${index} }, query: { full: true } })
  return response.ok ? (await response.json()).name : (await response.json()).title
}
`,
  (index) => `export async function patch${index}(): Promise<string> {
  const response = await client('PATCH /things${index}/{id}', { params: { id: ${index} }, json: { name: 'a', state: 'on' } })
  return response.ok ? (await response.json()).name : (await response.json()).title
}
`,
)}`,
  'openapi-fetch': (sites) => `import createClient from 'openapi-fetch'
import type { paths } from './schema.js'
const client = createClient<paths>({ baseUrl: 'http://127.0.0.1:80' })
${sitesOf(
  sites,
  (index) => `export async function get${index}(): Promise<string> {
  const { data, error } = await client.GET('/things${index}/{id}', { params: { path: { id: ${index} }, query: { full: true } } })
  return data ? data.name : error.title
}
`,
  (index) => `export async function patch${index}(): Promise<string> {
  const { data, error } = await client.PATCH('/things${index}/{id}', { params: { path: { id: ${index} } }, body: { name: 'a', state: 'on' } })
  return data ? data.name : error.title
}
`,
)}`,
}

function sitesOf(sites: number, get: (index: number) => string, patch: (index: number) => string): string {
  // The calls are spread over the schema, so that no call reuses the types of another one.
  return Array.from({ length: sites }, (_, index) => (index % 2 === 0 ? get : patch)(index * 10)).join('')
}
