import type { Instance, Registrar, Source } from '../registry/source.ts'

/** The process of a real registry, for the cases in which it ends. */
export interface RegistryServer {
  /** Sends SIGKILL. Resolves once the process has ended. */
  kill(): Promise<void>
  /**
   * Starts it again at the same address. Resolves once it answers. With `data: false`, it starts without its
   * data.
   */
  restart(options: { data: boolean }): Promise<void>
  /**
   * Sends SIGSTOP: the process keeps its connections but does not answer. Without this function, the cases that
   * need it are omitted.
   */
  readonly freeze?: () => Promise<void>
  /** Sends SIGCONT. */
  readonly thaw?: () => Promise<void>
}

interface RegistryHarness {
  /**
   * How long the registry and the code under test may take to show a change, in ms.
   * @default 10_000
   */
  readonly bound?: number
  /**
   * The fields, besides the url, that the registry can store. Other fields are not compared.
   * @default all: ['id', 'weight', 'zone', 'priority', 'draining', 'metadata']
   */
  readonly fields?: readonly Exclude<keyof Instance, 'url'>[]
  /**
   * Returns the url of the nth test instance, n = 0, 1, …
   * @default http://10.0.x.y:8080
   */
  readonly url?: (n: number) => string
  readonly server?: RegistryServer
}

/** What {@link sourceSuite} needs to know about the registry of a source. */
export interface SourceHarness extends RegistryHarness {
  /** Makes a source for the running registry, with its shortest timeouts. */
  source(): Source
  /** Makes the registry contain exactly these instances of the service. Must not use the code under test. */
  set(service: string, instances: readonly Instance[]): Promise<void>
  /**
   * Makes the same kind of source for another base url, for HTTP registries. The suite runs servers there that
   * answer with invalid data, 401, 403, 500 or not at all.
   */
  readonly sourceAt?: (url: string) => Source
  /**
   * How long a frozen registry may stay undetected, in ms.
   * @default `bound`
   */
  readonly frozenBound?: number
  /**
   * How many instances the case with many instances uses.
   * @default 1000
   */
  readonly many?: number
}

/** What {@link registrarSuite} needs to know about the registry of a registrar. */
export interface RegistrarHarness extends RegistryHarness {
  /** Makes a registrar for the running registry. */
  registrar(): Registrar
  /** Returns the instances that the registry reports as healthy. Must not use the code under test. */
  list(service: string): Promise<readonly Instance[]>
  /** Makes the registry remove one registration, so that its lease is lost. */
  readonly forget?: (service: string, id: string) => Promise<void>
  /** Makes the same kind of registrar for another base url, see {@link SourceHarness.sourceAt}. */
  readonly registrarAt?: (url: string) => Registrar
  /**
   * How long after its ttl a registration without heartbeats may still be listed, in ms.
   * @default `bound`
   */
  readonly expiryBound?: number
}

/** One case for any test runner. It passes if the promise resolves, and fails if it rejects. */
export interface SuiteCase {
  readonly name: string
  run(): Promise<void>
}
