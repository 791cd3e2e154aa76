import type { Instance, Registrar, Source } from '../registry/source.ts'

/** The process of a real registry, for the cases in which it dies. */
export interface RegistryServer {
  /** SIGKILL; resolves once the process is gone. */
  kill(): Promise<void>
  /** Starts it again at the same address; resolves once it answers. `data: false` has it come back empty. */
  restart(options: { data: boolean }): Promise<void>
  /** SIGSTOP: it keeps its connections and answers nothing. Left out: the cases that need it are, too. */
  readonly freeze?: () => Promise<void>
  /** SIGCONT. */
  readonly thaw?: () => Promise<void>
}

interface RegistryHarness {
  /**
   * How long the registry and the code under test may take to show any change, in ms.
   * @default 10_000
   */
  readonly bound?: number
  /**
   * What the registry can carry besides the url; nothing else is compared.
   * @default all: ['id', 'weight', 'zone', 'priority', 'draining', 'metadata']
   */
  readonly fields?: readonly Exclude<keyof Instance, 'url'>[]
  /**
   * The url of the nth test instance, n = 0, 1, …
   * @default http://10.0.x.y:8080
   */
  readonly url?: (n: number) => string
  readonly server?: RegistryServer
}

/** What {@link sourceSuite} must know about the registry behind a source. */
export interface SourceHarness extends RegistryHarness {
  /** A new source on the running registry, with its shortest timeouts. */
  source(): Source
  /** Makes the registry hold exactly these instances of the service, by any means but the code under test. */
  set(service: string, instances: readonly Instance[]): Promise<void>
  /**
   * The same kind of source on another base url, for HTTP registries: the suite puts servers there that answer
   * garbage, 401, 403, 500 or nothing.
   */
  readonly sourceAt?: (url: string) => Source
  /**
   * How long a frozen registry may go unnoticed, in ms.
   * @default `bound`
   */
  readonly frozenBound?: number
  /**
   * How many instances the case with many sets.
   * @default 1000
   */
  readonly many?: number
}

/** What {@link registrarSuite} must know about the registry behind a registrar. */
export interface RegistrarHarness extends RegistryHarness {
  /** A new registrar on the running registry. */
  registrar(): Registrar
  /** What the registry itself says is there and healthy, by any means but the code under test. */
  list(service: string): Promise<readonly Instance[]>
  /** Makes the registry forget one registration: the lease is lost. */
  readonly forget?: (service: string, id: string) => Promise<void>
  /** The same kind of registrar on another base url, as {@link SourceHarness.sourceAt}. */
  readonly registrarAt?: (url: string) => Registrar
  /**
   * How long after its ttl a registration without heartbeats may still be listed, in ms.
   * @default `bound`
   */
  readonly expiryBound?: number
}

/** One check, for whatever runs tests: it resolves or it rejects. */
export interface SuiteCase {
  readonly name: string
  run(): Promise<void>
}
