import ts from 'typescript'
import { fileOf } from './program.ts'

const printer = ts.createPrinter({ removeComments: true })
const print = (node: ts.Node, of: ts.Node = node): string =>
  printer.printNode(ts.EmitHint.Unspecified, node, of.getSourceFile())

/** A declaration as a reader needs it: without its body, its comments, and what only the compiler needs. */
export function declarationText(node: ts.Declaration): string {
  if (ts.isFunctionDeclaration(node)) return `function ${node.name?.text}${signatureText(node)}`
  if (ts.isTypeAliasDeclaration(node)) {
    // Comments inside of a type literal are all the documentation that its members have.
    const text = node.getText().replace(/^export /, '')
    return text.replaceAll(/\breadonly (?=[\w'"[])/g, '')
  }
  if (ts.isVariableDeclaration(node))
    return `const ${node.name.getText()}: ${node.type?.getText() ?? 'unknown'}`
  if (ts.isInterfaceDeclaration(node) || ts.isClassDeclaration(node)) {
    const kind = ts.isClassDeclaration(node) ? 'class' : 'interface'
    const bases = node.heritageClauses?.map((each) => ` ${print(each)}`).join('') ?? ''
    return `${kind} ${node.name?.text}${typeParameters(node)}${bases} {}`
  }
  throw new Error(`${node.getText()}: a kind of declaration that site/reference/declaration.ts does not know`)
}

function typeParameters(node: {
  typeParameters?: ts.NodeArray<ts.TypeParameterDeclaration> | undefined
}): string {
  const list = node.typeParameters?.map((each) => print(each)) ?? []
  return list.length > 0 ? `<${list.join(', ')}>` : ''
}

export function signatureText(node: ts.SignatureDeclaration): string {
  const parameters = node.parameters
    .filter(({ name }) => name.getText() !== 'this')
    .map((each) => {
      // A destructured parameter has no name of its own.
      const name = ts.isIdentifier(each.name) ? each.name.text : 'options'
      const isOptional = each.questionToken !== undefined || each.initializer !== undefined
      const type = each.type ? print(each.type) : 'unknown'
      return `${each.dotDotDotToken ? '...' : ''}${name}${isOptional ? '?' : ''}: ${type}`
    })
  const result = node.type ? `: ${print(node.type)}` : ''
  return `${typeParameters(node)}(${parameters.join(', ')})${result}`
}

/** One member, in one line. */
export function memberText(node: ts.Declaration): string {
  const name = ts.getNameOfDeclaration(node)?.getText() ?? ''
  const flags = ts.getCombinedModifierFlags(node)
  const prefix = flags & ts.ModifierFlags.Static ? 'static ' : ''
  if (ts.isCallSignatureDeclaration(node)) return oneLine(signatureText(node))
  if (ts.isConstructorDeclaration(node)) return oneLine(`new${signatureText(node)}`)
  if (ts.isMethodDeclaration(node) || ts.isMethodSignature(node))
    return oneLine(`${prefix}${name}${node.questionToken ? '?' : ''}${signatureText(node)}`)
  if (ts.isGetAccessorDeclaration(node))
    return oneLine(`${prefix}${name}${node.type ? `: ${print(node.type)}` : ''}`)
  if (ts.isPropertySignature(node) || ts.isPropertyDeclaration(node) || ts.isParameter(node)) {
    const value = ts.isPropertySignature(node) ? undefined : node.initializer
    const type = node.type ?? value
    return oneLine(`${prefix}${name}${node.questionToken ? '?' : ''}: ${type ? print(type) : 'unknown'}`)
  }
  throw new Error(`${node.getText()}: a kind of member that site/reference/declaration.ts does not know`)
}

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ')

/** Call signatures and members of an interface or class, inherited ones of ours too, each with its declarations. */
export function membersOf(checker: ts.TypeChecker, symbol: ts.Symbol): Member[] {
  const type = checker.getDeclaredTypeOfSymbol(symbol)
  const calls = type.getCallSignatures().flatMap((signature) => {
    const { declaration } = signature
    return declaration && fileOf(declaration) !== undefined ? [{ of: signature, nodes: [declaration] }] : []
  })
  const constructors =
    symbol.declarations
      ?.filter(ts.isClassDeclaration)
      .flatMap(({ members }) => members.filter(ts.isConstructorDeclaration))
      .flatMap((node) => {
        const signature = checker.getSignatureFromDeclaration(node)
        return signature ? [{ of: signature, nodes: [node] }] : []
      }) ?? []
  const statics = [...(symbol.exports?.values() ?? [])].filter(({ name }) => name !== 'prototype')
  const properties = [...statics, ...type.getProperties()].flatMap((property) => {
    const nodes = (property.declarations ?? []).filter(isShown)
    return nodes.length > 0 ? [{ of: property, nodes }] : []
  })
  return [...constructors, ...calls, ...properties]
}

export interface Member {
  readonly of: ts.Symbol | ts.Signature
  readonly nodes: readonly ts.Declaration[]
}

function isShown(node: ts.Declaration): boolean {
  const name = ts.getNameOfDeclaration(node)
  const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected
  return (
    fileOf(node) !== undefined &&
    !(ts.getCombinedModifierFlags(node) & hidden) &&
    !(name && ts.isPrivateIdentifier(name)) &&
    !(name && ts.isComputedPropertyName(name)) &&
    !ts.isSetAccessorDeclaration(node) &&
    // The implementation below overloads.
    !(ts.isMethodDeclaration(node) && node.body && overloads(node)) &&
    !ts.getJSDocTags(node).some(({ tagName }) => tagName.text === 'internal')
  )
}

function overloads(node: ts.MethodDeclaration): boolean {
  const name = node.name.getText()
  return (
    ts.isClassDeclaration(node.parent) &&
    node.parent.members.some(
      (each) => ts.isMethodDeclaration(each) && each !== node && each.name.getText() === name,
    )
  )
}

/** Names of types in a declaration, in their order, each once. */
export function typesIn(node: ts.Node): ts.Identifier[] {
  const found = new Map<string, ts.Identifier>()
  const visit = (each: ts.Node): void => {
    if (ts.isBlock(each)) return
    if (ts.isTypeReferenceNode(each) && ts.isIdentifier(each.typeName))
      found.set(each.typeName.text, each.typeName)
    if (ts.isExpressionWithTypeArguments(each) && ts.isIdentifier(each.expression))
      found.set(each.expression.text, each.expression)
    ts.forEachChild(each, visit)
  }
  visit(node)
  return [...found.values()]
}
