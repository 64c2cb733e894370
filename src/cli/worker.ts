import { serveWorker } from '../runtime/local/worker.ts';
import { loadRegistry } from './plugins.ts';

/** Entry of every compute process: the registry with the pipeline's plugins, and the task loop. */
serveWorker(({ root, folder }) =>
  loadRegistry(JSON.parse(process.env['RAVELIN_PLUGINS'] ?? '[]') as string[], root, folder),
);
