import { nameOfType } from '../values/array-problems.ts';
import { leftAlone, sealOf } from '../values/seal.ts';
import { countOf, type PerImage } from '../values/slices.ts';
import { perImageKinds, type Value } from '../values/value.ts';
import { ValueError, WrittenInputError } from '../values/value-error.ts';
import { verifyValue } from '../values/verify.ts';
import type { Stage, StageContext } from './stage.ts';

export type StageOutputs = Readonly<Record<string, Value>>;

export interface BorderOptions {
  /** Number of images that every output of a sharded stage must have; null for a whole stage. */
  readonly count: number | null;
  /**
   * Whether to look for writes into the inputs. It reads every input twice, so a worker does so for the code of
   * plugins only: the built-in stages are tested for it.
   */
  readonly sealed: boolean;
}

/**
 * Runs a stage and verifies whatever comes out of it, before anybody else sees it: a worker calls this before it
 * commits, and the tests of plugins call it too. Throws `ValueError`, which names the stage, for outputs that
 * are not what the stage declares, and `WrittenInputError` if it wrote into its inputs.
 */
export async function runVerified(
  stage: Stage,
  context: StageContext<never, never>,
  { count, sealed }: BorderOptions,
): Promise<StageOutputs> {
  const inputs = Object.entries(context.inputs);
  const isWhole = ([port]: readonly [string, unknown]): boolean => stage.in[port]?.access === undefined;
  const seals = sealed ? inputs.filter(isWhole).map(([port, value]) => [port, sealOf(value)] as const) : [];
  const checkInputs = (cause?: unknown): void => {
    for (const [port, seal] of seals) {
      const changed = seal();
      if (changed === null) continue;
      throw new WrittenInputError(
        `${stage.uses} wrote into ${changed} of its input '${port}', which other cells read too`,
        'write into a copy, for example that of pixels.slice()',
        cause,
      );
    }
  };
  const outputs: unknown = await leftAlone(checkInputs, () => stage.run(context));
  verifyOutputs(stage, Object.keys(context.inputs), count, outputs);
  return outputs;
}

/** Throws `ValueError` unless the outputs are those that the stage declares, of their kinds and as they promise. */
function verifyOutputs(
  stage: Stage,
  inputs: readonly string[],
  count: number | null,
  outputs: unknown,
): asserts outputs is StageOutputs {
  const { uses, out } = stage;
  if (typeof outputs !== 'object' || outputs === null) {
    throw new ValueError(
      `${uses} returned ${nameOfType(outputs)} instead of an object with its outputs`,
      `return { ${Object.keys(out).join(', ')} }`,
    );
  }
  for (const port of Object.keys(outputs)) {
    if (out[port] !== undefined) continue;
    const fix = `declare it under out, or return only ${Object.keys(out)
      .map((name) => `'${name}'`)
      .join(' and ')}`;
    throw new ValueError(`${uses} returned '${port}', which it does not declare`, fix);
  }
  for (const [port, { kind, optional }] of Object.entries(out)) {
    const value = (outputs as Readonly<Record<string, unknown>>)[port];
    if (value === undefined) {
      if (optional === true && !inputs.includes(port)) continue;
      throw new ValueError(`${uses} did not return its output '${port}'`, `return { ${port}: … }`);
    }
    const found =
      typeof value === 'object' && value !== null && 'kind' in value ? String(value.kind) : nameOfType(value);
    if (found !== kind) {
      const fix = `return a value with kind: '${kind}', or declare the output as what it is`;
      throw new ValueError(`${uses} returned ${found} for '${port}', which is declared ${kind}`, fix);
    }
    verifyValue(value as Value & Readonly<Record<string, unknown>>, kind, `output '${port}' of ${uses}`);
    verifyNames(stage, port, value as Value);
    if (count === null || !perImageKinds.has(kind) || countOf(value as PerImage) === count) continue;
    throw new ValueError(
      `${uses} returned ${countOf(value as PerImage)} images for '${port}' of a shard of ${count}`,
      'return one image for each image of context.shard',
    );
  }
}

/** Metrics have no other names than the declared ones, because reports were judged by these before the run. */
function verifyNames({ uses, out }: Stage, port: string, value: Value): void {
  if (value.kind !== 'metrics') return;
  const { axes, values, valuesWith = {} } = out[port]!;
  const numbers = values?.concat(...Object.values(valuesWith));
  for (const row of value.rows) {
    const axis = axes && Object.keys(row.axes).find((name) => !axes.includes(name));
    const number = numbers && Object.keys(row.values).find((name) => !numbers.includes(name));
    if (axis === undefined && number === undefined) continue;
    const what = axis === undefined ? `the number '${number!}'` : `the axis '${axis}'`;
    throw new ValueError(
      `${uses} returned ${what} in '${port}', which it does not declare`,
      axis === undefined
        ? 'declare it in gives of the metric, or in the values of the output'
        : 'declare it in the axes of the output',
    );
  }
  if (axes?.length === 0 && value.rows.length !== 1)
    throw new ValueError(
      `${uses} returned ${value.rows.length} rows in '${port}', which is declared to be one row`,
      'return one row, or declare the axes of the rows',
    );
}
