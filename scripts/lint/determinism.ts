/**
 * What could make two runs of a seed two runs, as an oxlint plugin, for the sources that run in virtual time. What is
 * forbidden everywhere in core and testkit, tests included (`Date`, `Math.random`, timers), is in `.oxlintrc.json`; what
 * a program asks for at run time, `testkit/src/internal/hostGuard.ts` notices.
 *
 * Not forbidden, because the language fixes it: the order of `Map`, `Set`, and of an object's keys (whole numbers first,
 * then as they were added); that `sort` is stable, and without a comparator goes by UTF-16 code units; `Math.sqrt`, and
 * the four operations. A `WeakMap` has no order to depend on.
 */

interface Node {
  readonly type: string
  readonly parent: Node | null
  readonly name?: string
  readonly async?: boolean
  readonly await?: boolean
  readonly computed?: boolean
  readonly operator?: string
  readonly value?: unknown
  readonly object?: Node
  readonly property?: Node
  readonly left?: Node
  readonly right?: Node
  readonly id?: Node
  readonly init?: Node | null
  readonly key?: Node
  readonly properties?: ReadonlyArray<Node>
  readonly source?: Node | null
  readonly specifiers?: ReadonlyArray<Node>
  readonly local?: Node
  readonly imported?: Node
  readonly importKind?: "type" | "value"
  readonly exportKind?: "type" | "value"
}

interface Reference {
  readonly identifier: Node
  readonly isValueReference: boolean
}

interface Scope {
  /** References to what is declared nowhere. */
  readonly through: ReadonlyArray<Reference>
  readonly variables: ReadonlyArray<{ readonly references: ReadonlyArray<Reference> }>
}

interface Context {
  readonly sourceCode: { readonly scopeManager: { readonly globalScope: Scope } }
  report(options: { readonly node: unknown; readonly message: string }): void
}

const promise = "A promise settles when the host finds time for it: use fibers, Deferred and Queue."
const locale = "The answer depends on the machine's language, and on the ICU data of its engine."
const identity =
  "Its order is that of hashes, which are drawn at random for what is hashed by identity: use Map or Set."

const globals: ReadonlyMap<string, string> = new Map([
  ["Promise", promise],
  ["Intl", locale],
  ["Temporal", "Use Clock, or take the time as an argument."],
  ["AbortSignal", "Use interruption."],
  ["SharedArrayBuffer", "Whoever shares it writes when the host lets them."],
  ["Atomics", "Whoever shares what they work on writes when the host lets them."],
  ["eval", "What it runs is hidden from these rules."],
  ["Function", "What it runs is hidden from these rules."]
])

/** Of anything. */
const properties: ReadonlyMap<string, string> = new Map([
  ["then", promise],
  ...["localeCompare", "toLocaleString", "toLocaleDateString", "toLocaleTimeString"].map((name) =>
    [name, locale] as const
  ),
  ...["toLocaleLowerCase", "toLocaleUpperCase", "getTimezoneOffset"].map((name) => [name, locale] as const)
])

const host = "It runs a fiber on the host's clock and scheduler: use Effect.context and the `With` form, or fork."

/** Of Effect's modules. */
const members: ReadonlyMap<string, string> = new Map([
  ...["promise", "tryPromise", "runPromise", "runPromiseExit", "runPromiseWith", "runPromiseExitWith"].map((name) =>
    [`Effect.${name}`, promise] as const
  ),
  ["Effect.runFork", host],
  ["Effect.runCallback", host],
  ["Effect.fiberId", "Fibers are counted from the start of the process, not of the run."],
  ["Stream.fromAsyncIterable", promise],
  ["Stream.fromReadableStream", promise],
  ...["nowUnsafe", "isPastUnsafe", "isFutureUnsafe"].map((name) =>
    [`DateTime.${name}`, "It asks the host for the time: use DateTime.now."] as const
  ),
  ["Hash.random", identity]
])

const modules: ReadonlyMap<string, string> = new Map([
  ...["HashMap", "HashSet", "TxHashMap", "TxHashSet"].map((name) => [`effect/${name}`, identity] as const),
  ["effect/crypto/SecureRandom", "Use Random."],
  ["effect/crypto/WebCrypto", "Use Random."]
])

/** The functions of `Math` of which ECMAScript asks an approximation only. */
const inexact = new Set([
  ...[
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cbrt",
    "cos",
    "cosh",
    "exp",
    "expm1",
    "hypot",
    "log"
  ],
  ...["log10", "log1p", "log2", "pow", "sin", "sinh", "tan", "tanh"]
])

const approximation =
  "The last bit may differ from engine to engine: compute it from additions and multiplications, or in whole numbers"

const propertyName = ({ computed, property }: Node): string | undefined =>
  computed !== true ? property?.name : typeof property?.value === "string" ? property.value : undefined

const isWholeNumber = (node: Node | undefined): boolean => node?.type === "Literal" && Number.isSafeInteger(node.value)

const sameEveryRun = {
  create: (context: Context) => {
    const report = (node: Node, message: string | undefined) => {
      if (message !== undefined) context.report({ node, message })
    }
    const visitFunction = (node: Node) => report(node, node.async === true ? promise : undefined)
    // Effect's modules by the names they have here.
    const namespaces = new Map<string, string>()
    const visitImport = (node: Node) => {
      if (node.importKind === "type" || node.exportKind === "type") return
      const source = String(node.source?.value)
      report(node, modules.get(source))
      if (!source.startsWith("effect/")) return
      const module = source.slice("effect/".length)
      for (const specifier of node.specifiers ?? []) {
        report(specifier, members.get(`${module}.${specifier.imported?.name}`))
        if (specifier.type === "ImportNamespaceSpecifier") namespaces.set(specifier.local?.name ?? "", module)
      }
    }
    return {
      FunctionDeclaration: visitFunction,
      FunctionExpression: visitFunction,
      ArrowFunctionExpression: visitFunction,
      AwaitExpression: (node: Node) => report(node, promise),
      ForOfStatement: (node: Node) => report(node, node.await === true ? promise : undefined),
      ImportExpression: (node: Node) => report(node, promise),
      ImportDeclaration: visitImport,
      ExportNamedDeclaration: visitImport,
      ExportAllDeclaration: visitImport,
      MemberExpression: (node: Node) => {
        const name = propertyName(node)
        if (name === undefined) return
        const module = namespaces.get(node.object?.name ?? "")
        report(node, members.get(`${module}.${name}`) ?? properties.get(name))
      },
      "Program:exit": () => {
        const { through, variables } = context.sourceCode.scopeManager.globalScope
        for (const { identifier, isValueReference } of [through, ...variables.map((v) => v.references)].flat()) {
          if (!isValueReference || identifier.name === undefined) continue
          report(identifier, globals.get(identifier.name))
          // `globalThis.Date` is what `no-restricted-globals` reports
          if (identifier.name === "globalThis" && !isStatic(identifier.parent)) {
            report(identifier, "What is taken from it is hidden from these rules.")
          }
        }
      }
    }
  }
}

const isStatic = (node: Node | null): boolean =>
  node?.type === "MemberExpression" && propertyName(node) !== undefined && !globals.has(propertyName(node)!)

const exactMath = {
  create: (context: Context) => {
    const visitPower = (node: Node) => {
      if (isWholeNumber(node.left) && isWholeNumber(node.right)) return
      if (node.operator === "**" || node.operator === "**=") context.report({ node, message: `${approximation}.` })
    }
    return {
      MemberExpression: (node: Node) => {
        const name = propertyName(node)
        if (node.object?.name !== "Math" || name === undefined || !inexact.has(name)) return
        context.report({ node, message: `${approximation} (Math.${name}).` })
      },
      VariableDeclarator: ({ id, init }: Node) => {
        if (init?.name !== "Math") return
        for (const { key } of id?.properties ?? []) {
          if (inexact.has(key?.name ?? "")) {
            context.report({ node: key, message: `${approximation} (Math.${key?.name}).` })
          }
        }
      },
      BinaryExpression: visitPower,
      AssignmentExpression: visitPower
    }
  }
}

const plugin = {
  meta: { name: "determinism" },
  rules: { "same-every-run": sameEveryRun, "exact-math": exactMath }
}

export default plugin
