// One entry for each package: how it gets a fetch, and one call of it. `quiet` turns its own retries off.

const ORIGIN = 'http://user-service'
const chat = {
  id: '1',
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hi' } }],
}

/** SDKs of one generator. They have the same options and the same chat. */
const chatCase = (name, options, load, path = '') => ({
  package: name,
  how: `new ${options}({ baseURL, fetch, maxRetries: 0 })`,
  off: '`maxRetries: 0`',
  reply: chat,
  call: async (fetch, quiet) => {
    const Sdk = await load()
    const sdk = new Sdk({ apiKey: 'key', baseURL: ORIGIN + path, fetch, ...(quiet && { maxRetries: 0 }) })
    const { choices } = await sdk.chat.completions.create({
      model: 'm',
      messages: [{ role: 'user', content: 'x' }],
    })
    return choices[0].message.content
  },
})

export const cases = [
  chatCase('openai', 'OpenAI', async () => (await import('openai')).default, '/v1'),
  chatCase('groq-sdk', 'Groq', async () => (await import('groq-sdk')).default),
  chatCase('together-ai', 'Together', async () => (await import('together-ai')).default, '/v1'),
  {
    package: '@anthropic-ai/sdk',
    how: 'new Anthropic({ baseURL, fetch, maxRetries: 0 })',
    off: '`maxRetries: 0`',
    reply: { id: '1', type: 'message', content: [{ type: 'text', text: 'hi' }] },
    call: async (fetch, quiet) => {
      const { default: Anthropic } = await import('@anthropic-ai/sdk')
      const sdk = new Anthropic({ apiKey: 'key', baseURL: ORIGIN, fetch, ...(quiet && { maxRetries: 0 }) })
      const message = { model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'x' }] }
      return (await sdk.messages.create(message)).content[0].text
    },
  },
  {
    package: 'cloudflare',
    how: 'new Cloudflare({ baseURL, fetch, maxRetries: 0 })',
    off: '`maxRetries: 0`',
    reply: { success: true, errors: [], result: { etag: 'hi' } },
    call: async (fetch, quiet) => {
      const { default: Cloudflare } = await import('cloudflare')
      const sdk = new Cloudflare({ apiToken: 'key', baseURL: ORIGIN, fetch, ...(quiet && { maxRetries: 0 }) })
      return (await sdk.ips.list()).etag
    },
  },
  {
    package: '@mistralai/mistralai',
    how: 'new Mistral({ serverURL, httpClient: new HTTPClient({ fetcher: fetch }) })',
    off: "`retryConfig: { strategy: 'none' }`",
    reply: { object: 'list', data: [] },
    call: async (fetch, quiet) => {
      const { Mistral, HTTPClient } = await import('@mistralai/mistralai')
      const httpClient = new HTTPClient({ fetcher: fetch })
      const retryConfig = quiet ? { strategy: 'none' } : undefined
      const sdk = new Mistral({ apiKey: 'key', serverURL: ORIGIN, httpClient, retryConfig })
      await sdk.models.list()
      return 'hi'
    },
  },
  {
    package: 'ollama',
    how: 'new Ollama({ host, fetch })',
    reply: { version: 'hi', models: [{ name: 'hi' }] },
    call: async (fetch) => {
      const { Ollama } = await import('ollama')
      return (await new Ollama({ host: `${ORIGIN}:80`, fetch }).list()).models[0].name
    },
  },
  {
    package: 'replicate',
    how: 'new Replicate({ baseUrl, fetch })',
    reply: { name: 'hi' },
    call: async (fetch) => {
      const { default: Replicate } = await import('replicate')
      return (await new Replicate({ auth: 'key', baseUrl: ORIGIN, fetch }).models.get('a', 'b')).name
    },
  },
  {
    package: '@ai-sdk/openai-compatible',
    how: 'createOpenAICompatible({ name, baseURL, fetch })',
    off: '`maxRetries: 0` of `generateText()`',
    reply: chat,
    call: async (fetch, quiet) => {
      const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible')
      const { generateText } = await import('ai')
      const model = createOpenAICompatible({ name: 'x', baseURL: `${ORIGIN}/v1`, fetch }).chatModel('m')
      return (await generateText({ model, prompt: 'x', ...(quiet && { maxRetries: 0 }) })).text
    },
  },
  {
    package: '@supabase/postgrest-js',
    how: 'new PostgrestClient(url, { fetch })',
    off: '`.retry(false)` of a query',
    reply: [{ name: 'hi' }],
    call: async (fetch, quiet) => {
      const { PostgrestClient } = await import('@supabase/postgrest-js')
      const query = new PostgrestClient(ORIGIN, { fetch }).from('users').select()
      const { data, error } = await (quiet && 'retry' in query ? query.retry(false) : query)
      if (error) throw new Error(error.message)
      return data[0].name
    },
  },
  {
    package: 'stripe',
    how: "new Stripe(key, { host, protocol: 'http', httpClient: Stripe.createFetchHttpClient(fetch) })",
    off: '`maxNetworkRetries: 0`',
    reply: { id: 'hi', object: 'customer' },
    call: async (fetch, quiet) => {
      const { default: Stripe } = await import('stripe')
      const httpClient = Stripe.createFetchHttpClient(fetch)
      const at = { host: 'user-service', port: 80, protocol: 'http', httpClient }
      const sdk = new Stripe('key', { ...at, ...(quiet && { maxNetworkRetries: 0 }) })
      return (await sdk.customers.retrieve('c')).id
    },
  },
  {
    package: '@octokit/core',
    how: 'new Octokit({ baseUrl, request: { fetch } })',
    reply: { login: 'hi' },
    call: async (fetch) => {
      const { Octokit } = await import('@octokit/core')
      const octokit = new Octokit({ baseUrl: ORIGIN, request: { fetch } })
      return (await octokit.request('GET /users/{username}', { username: 'x' })).data.login
    },
  },
  {
    package: '@notionhq/client',
    how: 'new Client({ baseUrl, fetch })',
    off: '`retry: false`',
    reply: { object: 'user', name: 'hi' },
    call: async (fetch, quiet) => {
      const { Client, LogLevel } = await import('@notionhq/client')
      const options = { auth: 'key', baseUrl: ORIGIN, fetch, logLevel: LogLevel.ERROR }
      return (await new Client({ ...options, ...(quiet && { retry: false }) }).users.me({})).name
    },
  },
  {
    package: 'graphql-request',
    how: 'new GraphQLClient(url, { fetch })',
    reply: { data: { hi: 'hi' } },
    call: async (fetch) => {
      const { GraphQLClient } = await import('graphql-request')
      return (await new GraphQLClient(`${ORIGIN}/graphql`, { fetch }).request('{ hi }')).hi
    },
  },
  {
    package: '@apollo/client',
    how: 'new HttpLink({ uri, fetch })',
    reply: { data: { hi: 'hi' } },
    call: async (fetch) => {
      const { ApolloClient, HttpLink, InMemoryCache, gql } = await import('@apollo/client/core')
      const link = new HttpLink({ uri: `${ORIGIN}/graphql`, fetch })
      const client = new ApolloClient({ link, cache: new InMemoryCache() })
      return (
        await client.query({
          query: gql`
            {
              hi
            }
          `,
          fetchPolicy: 'no-cache',
        })
      ).data.hi
    },
  },
  {
    package: '@urql/core',
    how: 'new Client({ url, fetch, exchanges: [fetchExchange] })',
    reply: { data: { hi: 'hi' } },
    call: async (fetch) => {
      const { Client, fetchExchange } = await import('@urql/core')
      const client = new Client({
        url: `${ORIGIN}/graphql`,
        fetch,
        exchanges: [fetchExchange],
        preferGetMethod: false,
      })
      const { data, error } = await client.query('{ hi }', {}).toPromise()
      if (error) throw error
      return data.hi
    },
  },
  {
    package: '@trpc/client',
    how: 'httpLink({ url, fetch })',
    reply: { result: { data: 'hi' } },
    call: async (fetch) => {
      const { createTRPCClient, httpLink } = await import('@trpc/client')
      return await createTRPCClient({ links: [httpLink({ url: ORIGIN, fetch })] }).hi.query()
    },
  },
  {
    package: '@libsql/client',
    how: 'createClient({ url, fetch })',
    reply: {
      baton: null,
      base_url: null,
      results: [
        {
          type: 'ok',
          response: {
            type: 'execute',
            result: {
              cols: [{ name: 'name', decltype: null }],
              rows: [[{ type: 'text', value: 'hi' }]],
              affected_row_count: 0,
              last_insert_rowid: null,
            },
          },
        },
        { type: 'ok', response: { type: 'close' } },
      ],
    },
    call: async (fetch) => {
      const { createClient } = await import('@libsql/client/http')
      const client = createClient({ url: ORIGIN, fetch })
      return (await client.execute('select 1')).rows[0].name
    },
  },
  {
    package: '@directus/sdk',
    how: 'createDirectus(url, { globals: { fetch } })',
    reply: { data: [{ name: 'hi' }] },
    call: async (fetch) => {
      const { createDirectus, readItems, rest } = await import('@directus/sdk')
      const client = createDirectus(ORIGIN, { globals: { fetch } }).with(rest())
      return (await client.request(readItems('users')))[0].name
    },
  },
  {
    package: 'meilisearch',
    how: 'new Meilisearch({ host, httpClient })',
    reply: { status: 'hi' },
    call: async (fetch) => {
      const { Meilisearch } = await import('meilisearch')
      const httpClient = async (...args) => {
        const response = await fetch(...args)
        if (!response.ok) throw new Error(String(response.status))
        return await response.json()
      }
      return (await new Meilisearch({ host: ORIGIN, httpClient }).health()).status
    },
  },
  {
    package: 'ky',
    how: 'ky.create({ prefix, fetch, retry: 0 })',
    off: '`retry: 0`',
    reply: { name: 'hi' },
    call: async (fetch, quiet) => {
      const { default: ky } = await import('ky')
      const api = ky.create({ prefix: ORIGIN, fetch, ...(quiet && { retry: 0 }) })
      return (await api.get('users/42').json()).name
    },
  },
  {
    package: 'ofetch',
    how: 'createFetch({ fetch, Headers, AbortController })',
    off: '`retry: 0`',
    reply: { name: 'hi' },
    call: async (fetch, quiet) => {
      const { createFetch } = await import('ofetch')
      const $fetch = createFetch({ fetch, Headers, AbortController })
      return (await $fetch('/users/42', { baseURL: ORIGIN, ...(quiet && { retry: 0 }) })).name
    },
  },
  {
    package: 'wretch',
    how: 'wretch(url).fetchPolyfill(fetch)',
    reply: { name: 'hi' },
    call: async (fetch) => {
      const { default: wretch } = await import('wretch')
      return (await wretch(ORIGIN).fetchPolyfill(fetch).get('/users/42').json()).name
    },
  },
  {
    package: '@better-fetch/fetch',
    how: 'createFetch({ baseURL, customFetchImpl: fetch })',
    reply: { name: 'hi' },
    call: async (fetch) => {
      const { createFetch } = await import('@better-fetch/fetch')
      const { data, error } = await createFetch({ baseURL: ORIGIN, customFetchImpl: fetch })('/users/42')
      if (error) throw new Error(String(error.status))
      return data.name
    },
  },
  {
    package: 'openapi-fetch',
    how: 'createClient({ baseUrl, fetch })',
    reply: { name: 'hi' },
    call: async (fetch) => {
      const { default: createClient } = await import('openapi-fetch')
      const { data, response } = await createClient({ baseUrl: ORIGIN, fetch }).PUT('/users/42', {
        body: { a: 1 },
      })
      if (!response.ok) throw new Error(String(response.status))
      return data.name
    },
  },
  {
    package: 'hono',
    how: 'hc(url, { fetch })',
    reply: { name: 'hi' },
    call: async (fetch) => {
      const { hc } = await import('hono/client')
      const response = await hc(ORIGIN, { fetch }).users.$get()
      if (!response.ok) throw new Error(String(response.status))
      return (await response.json()).name
    },
  },
  {
    package: 'axios',
    how: "axios.create({ baseURL, adapter: 'fetch', env: { fetch } })",
    reply: { name: 'hi' },
    call: async (fetch) => {
      const { default: axios } = await import('axios')
      return (
        await axios.create({ baseURL: ORIGIN, adapter: 'fetch', env: { fetch } }).put('/users/42', { a: 1 })
      ).data.name
    },
  },
  {
    package: '@hey-api/client-fetch',
    how: 'createClient({ baseUrl, fetch })',
    reply: { name: 'hi' },
    call: async (fetch) => {
      const { createClient } = await import('@hey-api/client-fetch')
      const { data, response } = await createClient({ baseUrl: ORIGIN, fetch }).put({
        url: '/users/42',
        body: { a: 1 },
      })
      if (!response?.ok) throw new Error(String(response?.status))
      return data.name
    },
  },
  {
    package: 'up-fetch',
    how: 'up(fetch, () => ({ baseUrl }))',
    reply: { name: 'hi' },
    call: async (fetch) => {
      const { up } = await import('up-fetch')
      return (await up(fetch, () => ({ baseUrl: ORIGIN }))('/users/42', { params: { a: 1 } })).name
    },
  },
  {
    package: 'alova',
    how: 'createAlova({ baseURL, requestAdapter: adapterFetch({ customFetch: fetch }) })',
    reply: { name: 'hi' },
    call: async (fetch) => {
      const { createAlova } = await import('alova')
      const { default: adapterFetch } = await import('alova/fetch')
      const api = createAlova({
        baseURL: ORIGIN,
        requestAdapter: adapterFetch({ customFetch: fetch }),
        cacheFor: null,
        shareRequest: false,
        responded: async (response) => {
          if (!response.ok) throw new Error(String(response.status))
          return response.json()
        },
      })
      return (await api.Put('/users/42', { a: 1 })).name
    },
  },
  {
    package: 'gaxios',
    how: 'new Gaxios({ baseURL, fetchImplementation: fetch })',
    off: '`retry: false`',
    reply: { name: 'hi' },
    call: async (fetch, quiet) => {
      const { Gaxios } = await import('gaxios')
      const api = new Gaxios({ baseURL: ORIGIN, fetchImplementation: fetch, retry: !quiet })
      return (await api.request({ url: '/users/42', params: { a: 1 } })).data.name
    },
  },
  {
    package: '@planetscale/database',
    how: 'new Client({ url, fetch })',
    reply: {
      session: {},
      result: {
        fields: [{ name: 'name', type: 'VARCHAR' }],
        rows: [{ lengths: ['2'], values: Buffer.from('hi').toString('base64') }],
      },
    },
    call: async (fetch) => {
      const { Client } = await import('@planetscale/database')
      const url = ORIGIN.replace('//', '//user:password@')
      return (await new Client({ url, fetch }).execute('select name from users')).rows[0].name
    },
  },
  {
    package: '@prismicio/client',
    how: 'createClient(url, { fetch, documentAPIEndpoint })',
    reply: {
      refs: [{ isMasterRef: true, ref: 'r' }],
      results: [{ id: 'hi', data: {} }],
      total_pages: 1,
    },
    call: async (fetch) => {
      const { createClient } = await import('@prismicio/client')
      const client = createClient('my-repo', { fetch, documentAPIEndpoint: `${ORIGIN}/api/v2` })
      return (await client.get()).results[0].id
    },
  },
  {
    package: '@supabase/storage-js',
    how: 'new StorageClient(url, headers, fetch)',
    reply: { Key: 'hi', Id: 'hi', path: 'hi', name: 'hi' },
    call: async (fetch) => {
      const { StorageClient } = await import('@supabase/storage-js')
      const { data, error } = await new StorageClient(`${ORIGIN}/storage/v1`, {}, fetch).getBucket('hi')
      if (error) throw error
      return data.name
    },
  },
  {
    package: 'openai',
    how: 'new OpenAI({ baseURL, fetch }); create({ stream: true })',
    off: '`maxRetries: 0`',
    events: [
      { choices: [{ index: 0, delta: { content: 'h' } }] },
      { choices: [{ index: 0, delta: { content: 'i' } }] },
      '[DONE]',
    ],
    call: async (fetch, quiet) => {
      const { default: OpenAI } = await import('openai')
      const sdk = new OpenAI({
        apiKey: 'key',
        baseURL: `${ORIGIN}/v1`,
        fetch,
        ...(quiet && { maxRetries: 0 }),
      })
      const stream = await sdk.chat.completions.create({
        model: 'm',
        stream: true,
        messages: [{ role: 'user', content: 'x' }],
      })
      let text = ''
      for await (const { choices } of stream) text += choices[0].delta.content
      return text
    },
  },
  {
    package: '@anthropic-ai/sdk',
    how: 'new Anthropic({ baseURL, fetch }); messages.stream()',
    off: '`maxRetries: 0`',
    events: [
      {
        type: 'message_start',
        message: { id: '1', type: 'message', role: 'assistant', content: [], usage: {} },
      },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'h' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'i' } },
      { type: 'content_block_stop', index: 0 },
      { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: {} },
      { type: 'message_stop' },
    ],
    call: async (fetch, quiet) => {
      const { default: Anthropic } = await import('@anthropic-ai/sdk')
      const sdk = new Anthropic({ apiKey: 'key', baseURL: ORIGIN, fetch, ...(quiet && { maxRetries: 0 }) })
      const message = { model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'x' }] }
      return sdk.messages.stream(message).finalText()
    },
  },
  {
    package: '@aws-sdk/client-dynamodb',
    how: 'globalThis.fetch = fetch; new DynamoDBClient({ endpoint, requestHandler: new FetchHttpHandler() })',
    off: '`maxAttempts: 1`',
    reply: { Item: { name: { S: 'hi' } } },
    call: async (fetch, quiet) => {
      const { DynamoDBClient, GetItemCommand } = await import('@aws-sdk/client-dynamodb')
      const sdk = new DynamoDBClient(awsOptions(await handler(), quiet))
      const command = new GetItemCommand({ TableName: 't', Key: { id: { S: '1' } } })
      return withGlobal(fetch, async () => (await sdk.send(command)).Item.name.S)
    },
  },
  {
    package: '@aws-sdk/client-s3',
    how: 'globalThis.fetch = fetch; new S3Client({ endpoint, requestHandler: new FetchHttpHandler() })',
    off: '`maxAttempts: 1`',
    reply: 'hi',
    call: async (fetch, quiet) => {
      const { S3Client, GetObjectCommand } = await import('@aws-sdk/client-s3')
      const sdk = new S3Client({ ...awsOptions(await handler(), quiet), forcePathStyle: true })
      const command = new GetObjectCommand({ Bucket: 'b', Key: 'k' })
      return withGlobal(fetch, async () =>
        JSON.parse(await (await sdk.send(command)).Body.transformToString()),
      )
    },
  },
]

async function handler() {
  const { FetchHttpHandler } = await import('@smithy/fetch-http-handler')
  return new FetchHttpHandler()
}

const awsOptions = (requestHandler, quiet) => ({
  endpoint: ORIGIN,
  region: 'us-east-1',
  credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  requestHandler,
  ...(quiet && { maxAttempts: 1 }),
})

/** For SDKs that accept no fetch and use the global one. */
async function withGlobal(fetch, run) {
  const before = globalThis.fetch
  globalThis.fetch = fetch
  try {
    return await run()
  } finally {
    globalThis.fetch = before
  }
}
