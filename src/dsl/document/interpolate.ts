import { didYouMean } from '../../values/nearest.ts';
import type { SourceRange } from '../diagnostics/diagnostic.ts';
import type { DiagnosticSink } from '../diagnostics/sink.ts';
import type { SourceFile } from '../diagnostics/source.ts';
import type { Located, LocatedEntry, LocatedScalar, LocatedTemplate, Scalar } from '../text/located.ts';
import { isUnknown, quote, sizeOf, unknownValue } from '../text/located.ts';
import { foreignMessage, properReference } from '../text/foreign-references.ts';
import { parseNumber } from '../text/scalars.ts';
import { type Budget, tooManyValues } from './load-context.ts';

export interface Named<T> {
  readonly byName: ReadonlyMap<string, T>;
  /** Whether there may be more names, in a part of the document that was refused. */
  readonly partial: boolean;
}

export interface EnvironmentVariable {
  /** Undefined if it is not set. */
  readonly value: string | undefined;
  readonly at: SourceRange;
  /** Whether its default was refused. */
  readonly unknown: boolean;
}

/** The names that `$(…)` may look up. */
export interface Scope {
  /** Name of the pipeline, for `$(name)`. */
  readonly name: LocatedScalar;
  /** Undefined while `params:` itself is interpolated, because params cannot refer to params. */
  readonly params: Named<Located> | undefined;
  /** Variables listed under `env:`. */
  readonly env: Named<EnvironmentVariable>;
  readonly sources: ReadonlyMap<string, SourceFile>;
  readonly sink: DiagnosticSink;
  readonly budget: Budget;
}

/**
 * The most characters of a text put together from references, as many as of a path. Without a limit a file
 * full of references to a long text would become gigabytes.
 */
const longestText = 4096;

/**
 * Replaces `$(params.x)`, `$(env.X)` and `$(name)` everywhere in a value; `$(axes.x)` stays, as a template,
 * for the cells. A scalar that is only `$(…)` becomes what it names, with its type; `$$(` writes `$(`. There
 * is one pass: what is put in is not searched for further references, so references cannot form a circle.
 * Each value is replaced once (memo by identity), because aliases and templates share values.
 */
export function interpolate(located: Located, scope: Scope): Located {
  const memo = new Map<Located, Located>();
  const visit = (value: Located): Located => {
    const known = memo.get(value);
    if (known !== undefined) return known;
    const result = replaced(value, scope, visit);
    memo.set(value, result);
    return result;
  };
  return visit(located);
}

function replaced(value: Located, scope: Scope, visit: (value: Located) => Located): Located {
  switch (value.kind) {
    case 'scalar':
      return typeof value.value === 'string' && value.value.includes('$')
        ? scalar(value, value.value, scope)
        : value;
    case 'template':
      return value;
    case 'sequence': {
      const items = value.items.map(visit);
      return items.every((item, index) => item === value.items[index]) ? value : { ...value, items };
    }
    case 'map': {
      let changed = false;
      const entries = new Map<string, LocatedEntry>();
      for (const [name, entry] of value.entries) {
        const inside = visit(entry.value);
        changed ||= inside !== entry.value;
        entries.set(name, inside === entry.value ? entry : { key: entry.key, value: inside });
      }
      return changed ? { ...value, entries } : value;
    }
  }
}

type Part = string | { readonly reference: string; readonly at: SourceRange };

function scalar(value: LocatedScalar, text: string, scope: Scope): Located {
  const parts = split(value, text, scope);
  if (parts === undefined) return unknownValue(value.at, text);
  const looked: (string | Located | { readonly axis: string; readonly at: SourceRange })[] = [];
  for (const part of parts) {
    if (typeof part === 'string') {
      looked.push(part);
      continue;
    }
    const found = lookUp(part.reference, part.at, scope);
    // A wrong reference is reported once; what depends on it is not judged.
    if (found === undefined || ('kind' in found && isUnknown(found))) return unknownValue(value.at, text);
    looked.push(found);
  }
  const [only] = looked;
  if (looked.length === 1 && only !== undefined && typeof only !== 'string' && 'kind' in only)
    return placed(only, value.at, scope);
  return joined(value, looked, parts, scope);
}

/** The value of a reference, placed where the reference is written. */
function placed(found: Located, at: SourceRange, { budget, sink }: Scope): Located {
  if (budget.values < 0) return unknownValue(at, '');
  budget.values -= sizeOf(found);
  if (budget.values < 0) {
    sink.error('too-large', at, tooManyValues, { fix: 'refer to smaller values' });
    return unknownValue(at, '');
  }
  return found.kind === 'template' ? found : { ...found, at, origin: found.at };
}

function joined(
  value: LocatedScalar,
  looked: readonly (string | Located | { readonly axis: string; readonly at: SourceRange })[],
  parts: readonly Part[],
  scope: Scope,
): Located {
  const texts: LocatedTemplate['parts'][number][] = [];
  for (const [index, part] of looked.entries()) {
    if (typeof part === 'string' || !('kind' in part)) {
      texts.push(part);
      continue;
    }
    if (part.kind !== 'scalar') {
      const reference = parts[index] as Exclude<Part, string>;
      scope.sink.error(
        'not-a-scalar',
        reference.at,
        `$(${reference.reference}) is ${quote(part)} and can't be part of a text`,
        {
          related: [{ message: 'its value is here', at: part.at }],
          fix: 'let $(…) stand alone to keep the whole value',
        },
      );
      return unknownValue(value.at, value.text);
    }
    texts.push(part.text);
  }
  const length = texts.reduce((sum, part) => sum + (typeof part === 'string' ? part.length : 0), 0);
  if (length > longestText) {
    scope.sink.error(
      'too-large',
      value.at,
      `this text has ${length} characters; a text with $(…) can have at most ${longestText}`,
      {
        fix: 'write a shorter text, or one without $(…)',
      },
    );
    return unknownValue(value.at, '');
  }
  if (texts.some((part) => typeof part !== 'string')) {
    return { kind: 'template', at: value.at, text: value.text, parts: texts };
  }
  const text = texts.map(String).join('');
  return { kind: 'scalar', at: value.at, value: text, text };
}

/** The texts and references of a scalar; undefined after an error. */
function split(value: LocatedScalar, text: string, scope: Scope): Part[] | undefined {
  const parts: Part[] = [];
  const at = insideOf(value, text, scope.sources);
  let done = 0;
  const push = (part: string): void => {
    if (part === '') return;
    const last = parts.at(-1);
    if (typeof last === 'string') parts[parts.length - 1] = last + part;
    else parts.push(part);
  };
  for (let from = text.indexOf('$'); from !== -1; from = text.indexOf('$', from)) {
    if (text.startsWith('$$(', from)) {
      push(`${text.slice(done, from)}$(`);
      done = from += 3;
    } else if (text.startsWith('${', from)) {
      const close = text.indexOf('}', from);
      const end = close === -1 ? text.length : close + (text.startsWith('}}', close) ? 2 : 1);
      const foreign = text.slice(from, end);
      scope.sink.error('dollar-brace', at(from, end), foreignMessage(foreign), {
        fix: `write ${properReference(foreign)}`,
      });
      return undefined;
    } else if (text.startsWith('$(', from)) {
      const end = text.indexOf(')', from);
      if (end === -1) {
        scope.sink.error(
          'unclosed-reference',
          at(from, text.length),
          `'${text.slice(from)}' has no closing ')'`,
          {
            fix: 'close it, or write $$( to mean the characters themselves',
          },
        );
        return undefined;
      }
      push(text.slice(done, from));
      parts.push({ reference: text.slice(from + 2, end).trim(), at: at(from, end + 1) });
      done = from = end + 1;
    } else {
      from++;
    }
  }
  push(text.slice(done));
  return parts;
}

/**
 * Returns the place of a part of a scalar, or the whole scalar if escapes or folding make its text differ
 * from the file.
 */
function insideOf(
  value: LocatedScalar,
  text: string,
  sources: ReadonlyMap<string, SourceFile>,
): (start: number, end: number) => SourceRange {
  const source = sources.get(value.at.file)?.text ?? '';
  const quoted = /^['"]/.test(source[value.at.start] ?? '') ? 1 : 0;
  const start = value.at.start + quoted;
  if (source.slice(start, start + text.length) !== text) return () => value.at;
  return (from, to) => ({ file: value.at.file, start: start + from, end: start + to });
}

function lookUp(
  reference: string,
  at: SourceRange,
  scope: Scope,
): Located | { readonly axis: string; readonly at: SourceRange } | undefined {
  const { sink } = scope;
  if (reference === 'name') return scope.name;
  const [, space, name] = /^(params|axes|env)\.(.+)$/.exec(reference) ?? [];
  if (space === undefined || name === undefined) {
    const known = ['name', ...[...(scope.params?.byName.keys() ?? [])].map((key) => `params.${key}`)];
    const hint =
      scope.params?.byName.has(reference) === true
        ? `; did you mean 'params.${reference}'?`
        : didYouMean(reference, known);
    sink.error('unknown-reference', at, `unknown reference '$(${reference})'${hint}`, {
      fix: 'the references are $(params.NAME), $(axes.NAME), $(env.NAME) and $(name); they only look values up',
    });
    return undefined;
  }
  if (space === 'axes') return { axis: name, at };
  if (space === 'env') return environment(name, at, scope);
  if (scope.params === undefined) {
    sink.error('reference-not-here', at, `params can't refer to params, as '$(params.${name})' does here`, {
      fix: 'write the value, or use both params where they are needed',
    });
    return undefined;
  }
  const { byName, partial } = scope.params;
  const found = byName.get(name);
  if (found === undefined && !partial) {
    sink.error(
      'unknown-reference',
      at,
      `there is no param '${name}'${didYouMean(name, byName.keys(), 'params')}`,
    );
  }
  return found;
}

function environment(
  name: string,
  at: SourceRange,
  { env: { byName: env, partial }, sink }: Scope,
): Located | undefined {
  const found = env.get(name);
  if (found?.unknown === true || (found === undefined && partial)) return undefined;
  if (found === undefined) {
    sink.error(
      'unlisted-env',
      at,
      `the environment variable '${name}' is not listed under env:${didYouMean(name, env.keys())}`,
      {
        fix: `add 'env: [${[...env.keys(), name].join(', ')}]', so that everyone sees what the pipeline depends on`,
      },
    );
    return undefined;
  }
  if (found.value === undefined) {
    sink.error('unset-env', at, `the environment variable '${name}' is not set`, {
      related: [{ message: 'it is listed here', at: found.at }],
      fix: `set it for the command: ${name}=… ravelin run …; or give it a default: env: { ${name}: … }`,
    });
    return undefined;
  }
  const value = environmentScalar(found.value);
  return { kind: 'scalar', at: found.at, value, text: found.value, fromEnvironment: true };
}

function environmentScalar(text: string): Scalar {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^[-+.\d]/.test(text) && !text.includes('/') ? (parseNumber(text) ?? text) : text;
}
