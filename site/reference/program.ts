import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = new URL('../../', import.meta.url)

/** What one `import … from 'outrigger/…'` gives. */
export interface Entry {
  readonly specifier: string
  /** By name, in the order of the source. */
  readonly exports: ReadonlyMap<string, ts.Symbol>
}

export interface Program {
  readonly checker: ts.TypeChecker
  readonly entries: readonly Entry[]
}

/** Where a symbol is declared, below `src/`, or undefined if it is not ours. */
export function fileOf(node: ts.Node): string | undefined {
  const sources = new URL('src/', root).pathname
  const { fileName } = node.getSourceFile()
  return fileName.startsWith(sources) ? fileName.slice(sources.length) : undefined
}

/** The symbol itself, where this one is the name it was imported or exported by. */
export function resolved(checker: ts.TypeChecker, symbol: ts.Symbol): ts.Symbol {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
}

/**
 * Reads the sources with the compiler that still has an API. It does not check them: `npm run check` does that, with the
 * project's own compiler.
 */
export function readProgram(): Program {
  const manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as {
    name: string
    exports: Record<string, string | { '@outrigger/source': string }>
  }
  const config = ts.readConfigFile(fileURLToPath(new URL('tsconfig.json', root)), (path) =>
    ts.sys.readFile(path),
  )
  const { options } = ts.parseJsonConfigFileContent(config.config, ts.sys, fileURLToPath(root))
  const files = Object.entries(manifest.exports).flatMap(([path, to]) =>
    typeof to === 'string' ? [] : [{ path, file: fileURLToPath(new URL(to['@outrigger/source'], root)) }],
  )
  const program = ts.createProgram(
    files.map(({ file }) => file),
    options,
  )
  const checker = program.getTypeChecker()
  const entries = files.map(({ path, file }) => {
    const source = program.getSourceFile(file)
    const symbol = source && checker.getSymbolAtLocation(source)
    // A module without exports, such as `register` might be, has no symbol.
    const exports = symbol ? checker.getExportsOfModule(symbol) : []
    return {
      specifier: path.replace('.', manifest.name),
      exports: new Map(exports.map((each) => [each.name, resolved(checker, each)])),
    }
  })
  return { checker, entries }
}
