import { parseArgs } from 'node:util';
import { withParts } from '../runtime/plan/parts.ts';
import { serveWorker } from '../runtime/executors/local/worker.ts';
import { checkNumerics } from './check-numerics.ts';
import { withSharpAdvice } from './missing-sharp.ts';
import { loadRegistry } from './plugins/load-registry.ts';

/**
 * Entry of every compute process: a worker of the local pool, or with `--batch FOLDER` one task of an array
 * job. Both have the registry with the pipeline's plugins, and compute alike.
 */
const { batch } = parseArgs({ options: { batch: { type: 'string' } } }).values;
const checks = { checkNumerics };
if (batch === undefined) {
  serveWorker(async ({ root, folder }) => {
    const plugins = JSON.parse(process.env['RAVELIN_PLUGINS'] ?? '[]') as string[];
    return withParts(withSharpAdvice(await loadRegistry(plugins, root, folder)));
  }, checks);
} else {
  const { serveArrayTask } = await import('../runtime/executors/slurm/array-task.ts');
  await serveArrayTask(
    batch,
    Number(process.env['SLURM_ARRAY_TASK_ID']),
    async ({ root, folder }, plugins) =>
      withParts(withSharpAdvice(await loadRegistry(plugins, root, folder))),
    checks,
  );
}
