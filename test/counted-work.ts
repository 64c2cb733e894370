import { Session } from 'node:inspector/promises';
import { setFlagsFromString } from 'node:v8';

// Optimized code counts nothing, and a function that was compiled before has no counters of its blocks: so this is for the whole
// process, and for what is called after this module is imported.
setFlagsFromString('--no-opt');
setFlagsFromString('--no-maglev');
const session = new Session();
session.connect();
await session.post('Profiler.enable');
await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });

/**
 * The work of a function, counted instead of timed: how often functions and blocks of our sources and of the parsers ran, as V8 counts
 * them for coverage. It is the same number on a busy machine. What the engine does inside of one call (searching a list, copying it)
 * counts once.
 */
export async function countWork(work: () => unknown): Promise<number> {
  // Taking the counts sets them back to zero.
  await session.post('Profiler.takePreciseCoverage');
  await work();
  const { result } = await session.post('Profiler.takePreciseCoverage');
  return result
    .filter(({ url }) => /\/src\/|\/node_modules\/(yaml|ajv)\//.test(url))
    .flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges))
    .reduce((sum, { count }) => sum + count, 0);
}
