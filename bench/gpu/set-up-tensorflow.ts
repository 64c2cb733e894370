/**
 * Sets TensorFlow up in the bundle for GPU machines (scripts/bundle.mjs), where there is a C++ compiler and the wheels lie in a
 * folder, or pip can fetch them:
 *
 *   ravelin-gpu/run --set-up-tensorflow [--cpu] [--from DIR]
 *
 * Then `ravelin-gpu/run --backend tensorflow` measures it.
 */
import { parseArgs } from 'node:util';
import { setupTensorflow } from '../../src/cli/commands/setup.ts';
import { SetupError } from '../../src/setup/errors.ts';

const { values } = parseArgs({
  // The set-up calls this program as if it were the command line: setup tensorflow --check.
  allowPositionals: true,
  options: {
    cpu: { type: 'boolean', default: false },
    from: { type: 'string' },
    check: { type: 'boolean', default: false },
    time: { type: 'boolean', default: false },
    warm: { type: 'boolean', default: false },
  },
});
try {
  const { cpu, from, check, time, warm } = values;
  await setupTensorflow({ gpu: !cpu, check, time, warm, ...(from !== undefined && { from }) });
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`${error.message}\n    fix: ${error.fix}`);
  process.exit(1);
}
