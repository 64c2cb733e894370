import { askInterpreter } from '../../../models/python/interpreter.ts';
import { localImports } from '../../../models/python/local-imports.ts';
import { digestOfFile, sourceName } from '../../../models/python/start-program.ts';
import { type StageContext, StageError } from '../../../runtime/stage.ts';
import type { JsonObject } from '../../../values/json.ts';
import type { ProgramModel } from '../../../values/model.ts';
import type { Doubt } from '../../../models/python/python-process.ts';
import { startAt } from '../../shared/open-program.ts';

interface Parameters {
  readonly module: string;
  readonly make: string;
  readonly arguments: JsonObject;
  readonly weights?: string;
  readonly files: readonly string[];
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly python: string;
  readonly device: 'auto' | 'cpu' | 'cuda' | 'mps';
  readonly deterministic: boolean;
}

/**
 * Makes the model once, to see that it can be made, how many classes it has, and which files it is made of. Throws
 * `StageError` if it loads a file of the project that is not in its key.
 */
export async function makePythonModel({
  params,
  resolve,
  resolveCode,
  log,
  warn,
}: StageContext<Parameters, unknown>): Promise<ProgramModel> {
  const { module, make, weights = null, files, height, width, channels, python, deterministic } = params;
  const { path, root } = resolveCode(module, python);
  const { device } = await askInterpreter(python, params.device, root);
  const inputShape = [height, width, channels] as const;
  const program = {
    language: 'python' as const,
    module,
    make,
    arguments: params.arguments,
    weights,
    python,
    device,
    deterministic,
  };
  const known = [...localImports(path), ...files.map(resolve)];
  const { process, classes, parameters, doubts, identity } = await startAt(
    program,
    inputShape,
    { resolve, resolveCode },
    true,
  );
  process.close();
  const sources: Record<string, string> = {};
  for (const file of known) sources[sourceName(root, file)] = await digestOfFile(file);
  const unknown = Object.keys(identity.sources).filter((file) => sources[file] === undefined);
  if (unknown.length > 0) {
    throw new StageError(
      `${module} loads ${unknown.join(', ')}, and ravelin would not notice if ${unknown.length === 1 ? 'that' : 'those'} changed`,
      { file: module, fix: `name ${unknown.length === 1 ? 'it' : 'them'} under files:, or import by name` },
    );
  }
  log(
    `${make} of ${module}: ${classes} classes, ${parameters} parameters, torch ${identity.torch} on ${identity.deviceName ?? device}`,
  );
  for (const doubt of doubts) warn(`${make} of ${module}: ${doubtful[doubt]}`);
  return { kind: 'model', program: { ...program, identity: { ...identity, sources } }, inputShape, classes };
}

/** Why attacks on a model may prove little, and what to do, for each check that fails. */
const doubtful: Readonly<Record<Doubt, string>> = {
  training:
    'modules stay in training mode after eval(), so dropout and batch norms may depend on chance and on the batch. Let train(False) reach all modules.',
  gradients:
    'the forward pass computes gradients itself, as defenses do that optimise at test time. An attack does not see through that, so its robustness may be overstated: use an adaptive attack.',
  random:
    'the logits depend on the random seed. An attack sees one draw for each query, so its robustness may be overstated: put what is random into a defense, which attack/auto-attack goes through with version: rand.',
};
