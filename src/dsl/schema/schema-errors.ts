import type { ErrorObject } from 'ajv';
import { didYouMean, nearest, shortList } from '../../values/nearest.ts';
import type { SourceRange } from '../diagnostics/diagnostic.ts';
import type { DiagnosticCode } from '../diagnostics/explain.ts';
import type { DiagnosticSink } from '../diagnostics/sink.ts';
import { isUnknown, type Located, quote, quoteCompared } from '../text/located.ts';
import { roundedInteger } from '../text/scalars.ts';
import { isNumeric } from './convert.ts';
import { describeSchema } from './describe-schema.ts';
import { branchesOf, type JsonSchema } from './json-schema-types.ts';
import { parameterFor } from './other-names.ts';

/** The owner of the judged values, for the wording and the codes. */
export interface Subject {
  /** `attack/fgsm`, `a stage`. */
  readonly owner: string;
  /** `parameter`, `key`. */
  readonly noun: string;
  readonly unknownCode: DiagnosticCode;
  readonly missingCode: DiagnosticCode;
  /** The place that is reported for something missing if its parent has no key. */
  readonly missingAt: SourceRange;
  /** The cell that the value belongs to: ` (in adversarial[strength=2])`. */
  readonly suffix?: string;
  /** The name of the value itself, if it is not a map. */
  readonly root?: string;
  /** Other owners in the same place that have an unknown key. */
  readonly ownersOf?: (key: string) => readonly string[];
}

/**
 * Reports Ajv's errors as diagnostics, one for each place, and the errors of a union in one sentence. Values
 * that are not known are not judged, and nothing is missing from a map that is not known as a whole.
 */
export function reportSchemaErrors(
  errors: readonly ErrorObject[],
  located: Located,
  subject: Subject,
  sink: DiagnosticSink,
): void {
  for (const error of firstOfEachValue(withoutMisspelt(withoutBranches(errors))))
    report(error, located, subject, sink);
}

/** A value that is wrong in two ways, as -7.5 for a whole number of at least 1, is one error. */
function firstOfEachValue(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  const judged = new Set<string>();
  return errors.filter(({ keyword, instancePath }) => {
    if (keyword === 'additionalProperties' || keyword === 'required') return true;
    if (judged.has(instancePath)) return false;
    judged.add(instancePath);
    return true;
  });
}

/** If a name is misspelt, the right one is missing too. Only the first error is reported. */
function withoutMisspelt(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  const meant = new Set(
    errors
      .filter(({ keyword }) => keyword === 'additionalProperties')
      .map(({ instancePath, params, parentSchema }) => {
        const names = Object.keys((parentSchema as JsonSchema | undefined)?.properties ?? {});
        return `${instancePath} ${nearest((params as { additionalProperty: string }).additionalProperty, names) ?? ''}`;
      }),
  );
  return errors.filter(
    ({ keyword, instancePath, params }) =>
      keyword !== 'required' ||
      !meant.has(`${instancePath} ${(params as { missingProperty: string }).missingProperty}`),
  );
}

/**
 * A failed union comes with the errors of all its branches. The one branch that has the shape of the value
 * (the only list, the only map, a text that is only too long) keeps its errors; otherwise the union's own error stands for all.
 */
function withoutBranches(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  const unions = errors
    .filter(({ keyword }) => keyword === 'anyOf' || keyword === 'oneOf')
    .sort((a, b) => a.schemaPath.length - b.schemaPath.length);
  let kept = errors;
  for (const union of unions) {
    if (!kept.includes(union)) continue;
    const inside = (error: ErrorObject): boolean => error.schemaPath.startsWith(`${union.schemaPath}/`);
    const branches = (union.schema as readonly JsonSchema[]).map((branch, index) => ({ branch, index }));
    const isTooLong = (index: number): boolean =>
      errors.some(
        ({ schemaPath, keyword }) =>
          keyword === 'maxLength' && schemaPath.startsWith(`${union.schemaPath}/${index}/`),
      );
    const shaped = branches.filter(({ branch, index }) => hasShapeOf(branch, union.data) || isTooLong(index));
    const best = shaped
      .map(({ index }) =>
        errors.filter(({ schemaPath }) => schemaPath.startsWith(`${union.schemaPath}/${index}/`)),
      )
      .sort((a, b) => a.length - b.length)[0];
    kept = kept.filter((error) =>
      best === undefined ? !inside(error) : error !== union && (!inside(error) || best.includes(error)),
    );
  }
  return kept;
}

function hasShapeOf(branch: JsonSchema, data: unknown): boolean {
  if (Array.isArray(data)) return branch.type === 'array';
  return typeof data === 'object' && data !== null && branch.type === 'object';
}

interface Site {
  readonly value: Located;
  readonly keyAt: SourceRange | undefined;
  readonly name: string;
}

function report(error: ErrorObject, located: Located, subject: Subject, sink: DiagnosticSink): void {
  const site = siteOf(located, error.instancePath);
  if (isUnknown(site.value)) return;
  const { owner, noun, suffix = '' } = subject;
  const parent = (error.parentSchema ?? {}) as JsonSchema;
  const params = error.params as Readonly<Record<string, string>>;
  const same = `${error.instancePath} ${error.keyword} ${params['additionalProperty'] ?? params['missingProperty'] ?? ''}`;
  switch (error.keyword) {
    case 'additionalProperties': {
      const key = params['additionalProperty'] ?? '';
      const entry = site.value.kind === 'map' ? site.value.entries.get(key) : undefined;
      const known = Object.keys(parent.properties ?? {});
      const of = site.name === '' ? owner : `'${site.name}' of ${owner}`;
      const meant = noun === 'parameter' ? parameterFor(key, known) : nearest(key, known);
      const hint = meant === undefined ? '' : `; did you mean '${meant}'?`;
      const list = known.length <= 8 ? didYouMean(key, known, `its ${noun}s`) : '';
      const owners = site.name === '' && hint === '' ? (subject.ownersOf?.(key) ?? []) : [];
      const fix =
        fixOfKey(key, known) ??
        (owners.length > 0
          ? `write it in the 'with' of the labels that take it (${shortList(owners, 4)})${orDefault(owners, key)}; that of the stage is for all of them`
          : hint + list === ''
            ? whereKnown(known, subject, site)
            : undefined);
      sink.error(
        subject.unknownCode,
        entry?.key.at ?? site.value.at,
        `'${key}' is not a ${noun} of ${of}${hint === '' ? list : hint}`,
        { same, fix },
      );
      return;
    }
    case 'required': {
      if (site.value.kind === 'map' && site.value.partial) return;
      const key = params['missingProperty'] ?? '';
      const schema = parent.properties?.[key];
      const about = schema?.description;
      const takes =
        schema === undefined
          ? ''
          : about === undefined
            ? `: ${describeSchema(schema)}`
            : ` (${describeSchema(schema)}): ${about}`;
      const at = site.name === '' ? subject.missingAt : (site.keyAt ?? site.value.at);
      const of = site.name === '' ? owner : `'${site.name}'`;
      sink.error(subject.missingCode, at, `${of} needs the ${noun} '${key}'${takes}`, {
        same,
        fix:
          noun === 'parameter' && site.value.kind === 'map' && site.value.entries.size === 0
            ? `add 'with: { ${key}: … }'`
            : `add '${key}: …'`,
      });
      return;
    }
    case 'const':
    case 'enum':
    case 'anyOf':
    case 'oneOf':
    case 'type':
    case 'not':
    case 'pattern':
    case 'format':
    case 'minLength':
    case 'maxLength':
    case 'minItems':
    case 'maxItems':
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum':
    case 'multipleOf':
      reportValue(error, site, parent, subject, sink, same);
      return;
    case 'uniqueItems':
      sink.error('wrong-length', site.value.at, `'${site.name}' has an item twice${suffix}`, { same });
      return;
    default:
      sink.error(
        'wrong-type',
        site.value.at,
        `'${site.name}' ${error.message ?? 'is not allowed'}${suffix}`,
        { same },
      );
  }
}

/** How to write what YAML has read as a key: `{ epsilon:0.1 }` is the key 'epsilon:0.1', and `{ epsilon: 0,1 }` has a key 1. */
function fixOfKey(key: string, known: readonly string[]): string | undefined {
  const [name = '', ...rest] = key.split(':');
  if (rest.length > 0 && known.includes(name))
    return `write a space after the colon: ${name}: ${rest.join(':').trim()}`;
  return /^\d+$/.test(key) ? 'write decimals with a point: between { and } a comma ends a value' : undefined;
}

/** Says where to find the names of a map that has more than a message can list. */
function whereKnown(known: readonly string[], { owner, noun }: Subject, { name }: Site): string {
  return noun === 'parameter' && name === '' && /^[\w-]+\/[\w-]+$/.test(owner)
    ? `choose one of its parameters, which 'ravelin stages ${owner}' lists`
    : `choose one of its ${noun}s: ${shortList(known, 24)}`;
}

function reportValue(
  error: ErrorObject,
  { value, name }: Site,
  parent: JsonSchema,
  { suffix = '', root = '' }: Subject,
  sink: DiagnosticSink,
  same: string,
): void {
  const words = value.kind === 'scalar' && typeof value.value === 'string' ? wordsOf(parent) : [];
  const hint = value.kind === 'scalar' ? didYouMean(value.text, words) : '';
  const { limit } = error.params as { readonly limit?: number };
  const accepted =
    error.keyword === 'maxLength'
      ? `a text of at most ${limit} characters, not one of ${Array.from(String(error.data)).length}`
      : `${describeSchema(parent)}, not ${what(error, value)}`;
  const takes = `${name + root === '' ? 'this' : `'${root}${name}'`} takes ${accepted}`;
  const origin = value.kind === 'template' ? undefined : value.origin;
  sink.error(codeOf(error, parent, value), value.at, `${takes}${hint}${suffix}`, {
    same,
    related: origin === undefined ? [] : [{ message: 'the value comes from here', at: origin }],
    fix: fixOf(error, value, parent),
  });
}

function what(error: ErrorObject, value: Located): string {
  const typed = error.keyword === 'type' || error.keyword === 'anyOf';
  if (value.kind === 'scalar' && (error.keyword === 'const' || error.keyword === 'enum'))
    return quoteCompared(value);
  if (value.kind === 'scalar' && typed && typeof value.value === 'number') return `the number ${value.text}`;
  if (value.kind === 'scalar' && typed && typeof value.value === 'string' && isDecimal(value.text))
    return `the text '${value.text}'`;
  if (value.kind !== 'sequence') return quote(value);
  return error.keyword === 'type' || error.keyword === 'anyOf' ? 'a list' : `a list of ${value.items.length}`;
}

function wordsOf(schema: JsonSchema): string[] {
  return branchesOf(schema)
    .flatMap((branch) => branch.enum ?? (branch.const === undefined ? [] : [branch.const]))
    .filter((word) => typeof word === 'string');
}

function codeOf({ keyword }: ErrorObject, schema: JsonSchema, value: Located): DiagnosticCode {
  switch (keyword) {
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum':
    case 'multipleOf':
      return 'out-of-range';
    case 'minItems':
    case 'maxItems':
    case 'minLength':
    case 'maxLength':
      return 'wrong-length';
    case 'pattern':
    case 'format':
      return 'wrong-format';
    case 'const':
    case 'enum':
      return 'not-one-of';
    default: {
      const branches = branchesOf(schema);
      if (value.kind === 'scalar' && value.value !== null) {
        if (branches.some(({ unit }) => unit === 'bytes' || unit === 'duration')) return 'wrong-unit';
        if (wordsOf(schema).length > 0) return 'not-one-of';
        if (keyword !== 'type' && branches.every(({ type }) => type === 'number' || type === 'integer'))
          return 'out-of-range';
      }
      return 'wrong-type';
    }
  }
}

function fixOf({ keyword }: ErrorObject, value: Located, schema: JsonSchema): string | undefined {
  if (value.kind !== 'scalar') return undefined;
  if (value.text.startsWith('$(')) return 'write the value itself, because $(…) is not replaced here';
  if (typeof value.value !== 'string' && wordsOf(schema).includes(value.text))
    return `put it in quotes: '${value.text}'`;
  if (
    keyword === 'maximum' &&
    schema.unit === 'pixel value' &&
    schema.maximum === 1 &&
    Number(value.text) <= 255
  )
    return `write ${value.text}/255, because pixels are in [0, 1]`;
  if (keyword !== 'type' && keyword !== 'anyOf') return undefined;
  const branches = branchesOf(schema);
  if (branches.some(isNumeric) && roundedInteger(value.text) !== undefined)
    return 'write a whole number up to 9007199254740991, because larger ones would be rounded';
  const isBoolean = branches.some(({ type }) => type === 'boolean');
  if (!isBoolean && schema.default === undefined && /^(false|no|none|off|null|~)$/i.test(value.text))
    return 'leave it out, if you do not want it';
  if (branches.some(({ unit }) => unit === 'duration') && /^[\d.]+$/.test(value.text)) {
    return `write ${value.text}s for seconds, ${value.text}m for minutes or ${value.text}ms for milliseconds`;
  }
  if (
    typeof value.value !== 'string' &&
    value.value !== null &&
    branches.some((branch) => branch.type === 'string' && branch.const === undefined)
  ) {
    return `put it in quotes: '${value.text}'`;
  }
  if (typeof value.value === 'string' && isDecimal(value.text)) return 'remove the quotes';
  if (isBoolean && /^(yes|no|on|off)$/i.test(value.text)) {
    return `write ${/^(yes|on)$/i.test(value.text) ? 'true' : 'false'}: YAML 1.2 has no other words for it`;
  }
  if (branches.some(({ type }) => type === 'array')) return `write [${value.text}] for a list of one`;
  return undefined;
}

function isDecimal(text: string): boolean {
  return /^[-+]?[\d.]+(e[-+]?\d+)?$/i.test(text);
}

/** The value that a JSON pointer names, its key and its dotted name. */
export function siteOf(located: Located, pointer: string): Site {
  return siteAt(
    located,
    pointer
      .split('/')
      .slice(1)
      .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~')),
  );
}

export function siteAt(located: Located, path: readonly string[]): Site {
  let value = located;
  let keyAt: SourceRange | undefined;
  let name = '';
  for (const step of path) {
    if (value.kind === 'map') {
      const entry = value.entries.get(step);
      if (entry === undefined) break;
      value = entry.value;
      keyAt = entry.key.at;
      name = name === '' ? step : `${name}.${step}`;
    } else if (value.kind === 'sequence') {
      const item = value.items[Number(step)];
      if (item === undefined) break;
      value = item;
      name = `${name}[${Number(step)}]`;
    } else {
      break;
    }
  }
  return { value, keyAt, name };
}

/** Where one line sets a parameter for all stage types that have it, if these share a folder. */
function orDefault(owners: readonly string[], key: string): string {
  const folders = new Set(owners.map((owner) => owner.slice(0, owner.indexOf('/'))));
  const [folder] = folders;
  return folders.size === 1 ? `, or under defaults: { ${folder!}/*: { with: { ${key}: … } } }` : '';
}
