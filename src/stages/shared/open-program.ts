import type { Classifier } from '../../models/classifier.ts';
import { PythonClassifier } from '../../models/python/python-classifier.ts';
import { PythonError, type PythonProcess } from '../../models/python/python-process.ts';
import { startProgram, type StartedProgram } from '../../models/python/start-program.ts';
import { type StageContext, StageError } from '../../runtime/stage.ts';
import type { Program, ProgramModel } from '../../values/model.ts';

type Paths = Pick<StageContext<unknown, unknown>, 'resolve' | 'resolveCode'>;

/**
 * Opens the program of a model in a process of its own. Throws `StageError` if it is not what it was when the model was
 * made.
 */
export async function openProgram(
  { program, inputShape, classes }: ProgramModel,
  paths: Paths,
): Promise<Classifier> {
  const start = async (): Promise<PythonProcess> => {
    const started = await startAt(program, inputShape, paths);
    const change = changeOf(program, started.identity);
    if (change === null) return started.process;
    started.process.close();
    throw new StageError(`the model of ${program.module} has changed since the plan was made: ${change}`, {
      file: program.module,
      fix: 'run again: the model is made again, and so is all that depends on it. On a cluster, use the same environment on all machines',
    });
  };
  return new PythonClassifier(await start(), { start, classes, inputShape });
}

/** Starts a program of a pipeline. Throws `StageError` if its code may not run, or fails to make the model. */
export async function startAt(
  program: Omit<Program, 'identity'>,
  shape: ProgramModel['inputShape'],
  { resolve, resolveCode }: Paths,
  checks = false,
): Promise<StartedProgram> {
  const { path: module, root } = resolveCode(program.module, program.python);
  const weights = program.weights === null ? null : resolve(program.weights);
  try {
    return await startProgram(program, shape, { module, weights, root }, checks);
  } catch (error) {
    if (!(error instanceof PythonError) || error.kind === 'memory') throw error;
    const problem = new StageError(`${program.module} cannot make the model: ${error.message}`, {
      file: program.module,
      fix: `try it by itself in ${program.python}: ${program.make} must return a torch.nn.Module for pixels [n, ${shape[2]}, ${shape[0]}, ${shape[1]}] in [0, 1]`,
    });
    if (error.stack !== undefined) problem.stack = error.stack;
    throw problem;
  }
}

/** The first difference, in words; null if there is none. */
function changeOf({ identity: was }: Program, is: Program['identity']): string | null {
  for (const [path, digest] of Object.entries(is.sources)) {
    const before = was.sources[path];
    if (before === undefined) return `it loads ${path}, which it did not`;
    if (before !== digest) return `${path} has changed`;
  }
  if (was.weights !== is.weights) return 'its weights have changed';
  for (const [what, name] of [
    ['torch', 'torch'],
    ['python', 'Python'],
    ['deviceName', 'the GPU'],
  ] as const) {
    if (was[what] !== is[what]) return `${name} is ${is[what] ?? 'none'}, and was ${was[what] ?? 'none'}`;
  }
  return null;
}
