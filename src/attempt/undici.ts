export * from '../undici.ts'
