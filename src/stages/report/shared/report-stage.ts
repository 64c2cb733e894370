import { type Static, type TObject, type TProperties, type TSchema, Type } from '@sinclair/typebox';
import {
  checkDeclaration,
  defineStage,
  type InputPorts,
  type InputsOf,
  port,
  type KnownInputs,
  type Stage,
  type ParameterProblem,
  type Printed,
  type ReadFile,
} from '../../../runtime/stage.ts';
import { nameOfType } from '../../../values/array-problems.ts';
import { ValueError } from '../../../values/value-error.ts';
import type { JsonObject } from '../../../values/json.ts';
import { labelClashes, labelsParameter, listOf } from './columns.ts';
import type { NoParameters } from '../../shared/no-parameters.ts';
import { judgeNames, type NameRule, type NameRules } from './names.ts';

/**
 * A finished report: its content in one or more file formats, by extension without the dot (`md`, `csv`,
 * `svg`).
 */
export interface Report {
  /** Shown above the report; empty if absent. */
  readonly title?: string;
  readonly files: Readonly<Record<string, string | Uint8Array>>;
}

/** Everything that distinguishes one report from another. */
export interface ReportStageDeclaration<W extends TProperties, I extends InputPorts> {
  readonly uses: string;
  readonly version: number;
  readonly summary: string;
  readonly with?: W;
  /** Parameters of an example, besides those with defaults. */
  readonly example?: JsonObject;
  readonly in: I;
  /** Name of the output; `figure` if absent. */
  readonly output?: string;
  /** Extensions of its files, without the dot, by which `publish:` is checked before a run. */
  readonly formats?: readonly string[];
  /** npm packages whose versions decide the bytes. */
  readonly libraries?: readonly string[];
  /** Checks between parameters that a schema cannot express. */
  readonly check?: (params: Static<TObject<W>>) => readonly ParameterProblem[];
  /**
   * Parameters that name an axis or a number of an input, so that a wrong name is found before the run where
   * the inputs declare what they give.
   */
  readonly names?: { readonly [P in keyof W]?: NameRule<keyof I & string> };
  /**
   * Parameters whose axes together are the place of a value in the report. If the first names axes, values
   * that differ in other axes only are an error before the run.
   */
  readonly places?: readonly (keyof W & string)[];
  /**
   * Facts of the run that the report prints: the backend that computed the scores, and all labels that the pipeline has on the axes that
   * these parameters name. `draw` gets them as its fifth argument.
   */
  readonly prints?: { readonly backend?: boolean; readonly axes?: readonly (keyof W & string)[] };
  /** Files that parameters of the format `path` name, and that the report reads beside its inputs. */
  readonly files?: ReportFiles<Static<TObject<W>>>;
  /**
   * Makes the files. The same inputs must give the same bytes. `warn` takes sentences for the summary of the
   * run, and `resolve` makes a path of the parameters absolute.
   */
  readonly draw: (
    inputs: InputsOf<I>,
    params: Static<TObject<W>>,
    warn: (sentence: string) => void,
    resolve: (path: string) => string,
    printed: Printed,
  ) => Report | Promise<Report>;
}

/** The files that a report reads, and their check before a run. */
export interface ReportFiles<P> {
  /** Absolute paths of the files, whose content is part of the key. May throw a `StageError` for one that cannot be used. */
  readonly paths: (params: P, resolve: (path: string) => string) => Promise<readonly string[]>;
  /** Checks the files before a run, as far as they can be read then, by what is known of the inputs. */
  readonly check?: (params: P, inputs: KnownInputs, read: ReadFile) => readonly ParameterProblem[];
}

/** A report stage: from values to a figure, which `publish:` copies to files by their extension. */
export function reportStage<I extends InputPorts, W extends TProperties = NoParameters>(
  declaration: ReportStageDeclaration<W, I>,
): Stage {
  const {
    uses,
    version,
    summary,
    example,
    output = 'figure',
    formats,
    libraries = [],
    check,
    files,
    prints,
    draw,
  } = declaration;
  checkDeclaration('reportStage', { ...declaration }, { draw: typeof draw === 'function' });
  const properties: TProperties = declaration.with ?? {};
  const rules = nameRules(declaration, properties);
  const takesLabels = properties['labels'] === labelsParameter.labels;
  // The parameters and inputs have passed the schema and the ports, but TypeScript cannot follow them for any
  // W and I.
  const typed = (params: unknown): Static<TObject<W>> => params as Static<TObject<W>>;
  return defineStage({
    uses,
    version,
    summary,
    with: Type.Object(properties, { additionalProperties: false }),
    ...(example && { example }),
    in: declaration.in,
    out: { [output]: port('figure', { ...(formats && { formats }) }) },
    libraries,
    ...(check && { check: (params) => check(typed(params)) }),
    ...((rules ?? files?.check ?? takesLabels) && {
      checkInputs: (params, inputs, read) => {
        const problems = [
          ...(rules === undefined ? [] : judgeNames(rules, params as JsonObject, inputs)),
          ...(takesLabels ? labelClashes((params as Labelled).labels, inputs) : []),
        ];
        return problems.length > 0 ? problems : (files?.check?.(typed(params), inputs, read) ?? []);
      },
    }),
    ...(prints && {
      prints: (params: Readonly<Record<string, unknown>>) => ({
        backend: prints.backend ?? false,
        axes: (prints.axes ?? []).flatMap((name) => listOf(params[name] as string | undefined)),
      }),
    }),
    ...(files && {
      survey: async ({ params, resolve }) => {
        const paths = await files.paths(typed(params), resolve);
        return { files: () => paths };
      },
    }),
    outline: ({ inputs }) => ({
      perImage: {},
      perUnit: {
        report: 1,
        'report input': Object.values(inputs).reduce((sum, values) => sum + values.length, 0),
      },
      out: { [output]: { kind: 'figure' } },
      memoryBytes: 0,
    }),
    run: async ({ params, inputs, warn, resolve, printed }) => {
      const report: unknown = await draw(inputs, typed(params), warn, resolve, printed);
      checkReport(report, uses);
      const { title = '', files } = report;
      const encoder = new TextEncoder();
      const bytes = Object.entries(files).map(([extension, content]) => [
        extension,
        typeof content === 'string' ? encoder.encode(content) : content,
      ]);
      return {
        [output]: {
          kind: 'figure' as const,
          title,
          files: Object.fromEntries(bytes) as Record<string, Uint8Array>,
        },
      };
    },
  });
}

/** The parameters of a report that gives labels other names. */
interface Labelled {
  readonly labels?: Readonly<Record<string, string>>;
}

function nameRules<W extends TProperties, I extends InputPorts>(
  { in: inputs, names, places = [] }: ReportStageDeclaration<W, I>,
  properties: TProperties,
): NameRules | undefined {
  if (names === undefined) return undefined;
  const takesList = ({ type, anyOf = [] }: TSchema): boolean =>
    type === 'array' || (anyOf as readonly TSchema[]).some(takesList);
  return {
    names: names as NameRules['names'],
    places,
    kinds: Object.fromEntries(Object.entries(inputs).map(([port, { kind }]) => [port, kind])),
    lists: Object.keys(properties).filter((param) => takesList(properties[param]!)),
  };
}

function checkReport(report: unknown, uses: string): asserts report is Report {
  const { title = '', files } = (report ?? {}) as Partial<Record<keyof Report, unknown>>;
  const fix = "return { title, files: { md: '…' } }, with a text or bytes for each extension";
  const complain = (what: string): never => {
    throw new ValueError(`what draw of ${uses} returned ${what}`, fix);
  };
  if (typeof report !== 'object' || report === null) complain(`is ${nameOfType(report)}, not a report`);
  if (typeof files !== 'object' || files === null || Array.isArray(files) || Object.keys(files).length === 0)
    complain('has no files');
  if (typeof title !== 'string') complain(`has a title that is ${nameOfType(title)}, not a text`);
  for (const [extension, content] of Object.entries(files as object)) {
    if (typeof content === 'string' || content instanceof Uint8Array) continue;
    complain(`has ${nameOfType(content)} as its .${extension} file, not a text or bytes`);
  }
}
