/** As openapi-typescript would generate it. */
export interface paths {
  '/users/{id}': {
    put: {
      parameters: { path: { id: number }; query?: { verbose?: boolean } }
      requestBody: { content: { 'application/json': { name: string } } }
      responses: {
        200: { content: { 'application/json': { method: string; url: string; body: unknown } } }
        404: { content: { 'application/json': { error: string } } }
      }
    }
  }
}
