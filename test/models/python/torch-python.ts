import { execFileSync } from 'node:child_process';

/**
 * An interpreter with torch: $RAVELIN_TORCH_PYTHON, else python3. Null if it has none, which fails where
 * RAVELIN_REQUIRE_TORCH is set, as in CI.
 */
export const torchPython = findTorchPython();

function findTorchPython(): string | null {
  const python = process.env['RAVELIN_TORCH_PYTHON'] ?? 'python3';
  try {
    execFileSync(python, ['-c', 'import importlib.metadata as m; m.version("torch")'], { stdio: 'ignore' });
    return python;
  } catch {
    if (process.env['RAVELIN_REQUIRE_TORCH'] === '1') throw new Error(`${python} has no torch`);
    console.warn(`the tests of model/python are skipped: ${python} has no torch (set RAVELIN_TORCH_PYTHON)`);
    return null;
  }
}
