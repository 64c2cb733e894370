/** Pillow in a process of its own, which stays, so that its rounds can alternate with others'. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface Pillow {
  /** Sends a request to bench/jpeg.py and returns its reply. */
  readonly ask: (request: Readonly<Record<string, unknown>>) => Promise<Readonly<Record<string, unknown>>>;
  readonly versions: string;
  readonly close: () => void;
}

/** Null, and a line that says so, without a Python in `PYTHON`. Throws if that has no Pillow. */
export async function openPillow(): Promise<Pillow | null> {
  const python = process.env['PYTHON'];
  if (python === undefined) {
    console.log('NOT COMPARED with Pillow: set PYTHON to a Python that has it');
    return null;
  }
  const child = spawn(python, ['bench/jpeg.py'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask: Pillow['ask'] = async (request) => {
    child.stdin.write(`${JSON.stringify(request)}\n`);
    const line = await lines.next();
    if (line.done === true) throw new Error(`${python} bench/jpeg.py ended`);
    return JSON.parse(line.value) as Readonly<Record<string, unknown>>;
  };
  const { versions } = await ask({ do: 'versions' });
  return { ask, versions: String(versions), close: () => child.stdin.end() };
}
