import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { LostProcessError } from '../../values/lost-process-error.ts';
import { MachineError } from '../../values/machine-error.ts';
import { SharedArrays } from './shared-arrays.ts';

const serverPath = fileURLToPath(new URL('./python-server.py', import.meta.url));

/** The first request to the server, which describes the model. Paths are absolute. */
export interface ServerSetup {
  readonly module: string;
  readonly make: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly weights: string | null;
  readonly device: string;
  readonly deterministic: boolean;
  readonly threads: number;
  /** Height, width and channels of an image. */
  readonly shape: readonly [number, number, number];
  /** Folder of the project, whose source files are reported. */
  readonly root: string;
  /** Whether to look for what makes attacks on the model unreliable. */
  readonly checks: boolean;
}

/** The server's first answer, which describes the model that it made. */
export interface ServerHello {
  readonly classes: number;
  readonly parameters: number;
  readonly python: string;
  readonly torch: string;
  readonly device: string;
  readonly deviceName: string | null;
  /** SHA-256 of the loaded source files below the project's root, by absolute path. */
  readonly sources: Readonly<Record<string, string>>;
  /** Why attacks on the model may prove little; empty without `checks`. */
  readonly doubts: readonly Doubt[];
}

/** Modules are in training mode, the forward pass computes gradients, or the logits depend on the seed. */
export type Doubt = 'training' | 'gradients' | 'random';

/** The code of a model failed in Python. */
export class PythonError extends Error {
  override readonly name = 'PythonError';
  /** `setup` if the model could not be made, `model` if it failed later, `memory` if memory ran out. */
  readonly kind: 'setup' | 'model' | 'memory';
  constructor(message: string, kind: 'setup' | 'model' | 'memory', trace: string) {
    super(message);
    this.kind = kind;
    if (trace !== '') this.stack = trace;
  }
  /** Read where failures are described: smaller batches may help. */
  get outOfMemory(): boolean {
    return this.kind === 'memory';
  }
}

interface Pending {
  readonly resolve: (answer: Readonly<Record<string, unknown>>) => void;
  readonly reject: (error: Error) => void;
}

/** More than any answer has; a model that writes to the descriptor of answers would fill memory. */
const longestAnswer = 2 ** 24;

/**
 * A Python process that computes for this one, and ends with it. What the code of the model prints goes to this
 * process's standard error. It answers one request after the other.
 */
export class PythonProcess {
  readonly arrays: SharedArrays;
  readonly #child: ChildProcess;
  readonly #requests: Writable;
  #pending: Pending | null = null;
  #answer = '';
  #ended: LostProcessError | MachineError | null = null;

  private constructor(python: string, folder: string) {
    this.arrays = new SharedArrays();
    const child = spawn(python, ['-u', serverPath], {
      cwd: folder,
      // Threads of OpenMP that wait in a loop take the processor from the other workers: beside other work, several times the
      // time of the computation itself. The user's own setting counts.
      env: { OMP_WAIT_POLICY: 'passive', ...process.env },
      // What the code of the model prints is output of this process.
      stdio: ['ignore', 2, 2, 'pipe', 'pipe', this.arrays.descriptor],
    });
    this.#child = child;
    this.#requests = child.stdio[3] as Writable;
    const answers = child.stdio[4] as Readable;
    // The end of the process says what is wrong; a broken pipe is only its shadow.
    for (const stream of [this.#requests, answers]) stream.on('error', () => undefined);
    answers.setEncoding('utf8');
    answers.on('data', (text: string) => this.#receive(text));
    child.on('error', (error) => this.#lost(notStarted(python, error)));
    child.on('close', (code, signal) => this.#lost(describeEnd(code, signal)));
    this.#wait(false);
  }

  /**
   * Starts `python` and has it make the model. Throws `MachineError` if it cannot be started, `PythonError` if the
   * code of the model fails, and `LostProcessError` if it ends.
   */
  static async start(
    python: string,
    setup: ServerSetup,
  ): Promise<{ process: PythonProcess; hello: ServerHello }> {
    const process = new PythonProcess(python, setup.root);
    try {
      return { process, hello: (await process.request({ ...setup })) as unknown as ServerHello };
    } catch (error) {
      process.close();
      throw error;
    }
  }

  get hasEnded(): boolean {
    return this.#ended !== null;
  }

  /** Sends a request and waits for its answer. Throws `PythonError` and `LostProcessError`. */
  request(message: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>>> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    if (this.#pending !== null) return Promise.reject(new Error('a request to Python is under way'));
    this.#wait(true);
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
      this.#requests.write(`${JSON.stringify(message)}\n`);
    });
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }

  #receive(text: string): void {
    this.#answer += text;
    const end = this.#answer.indexOf('\n');
    if (end < 0) {
      if (this.#answer.length > longestAnswer) this.close();
      return;
    }
    const line = this.#answer.slice(0, end);
    this.#answer = this.#answer.slice(end + 1);
    const pending = this.#settle();
    if (pending === null) return;
    const answer = parseAnswer(line);
    if (answer instanceof Error) pending.reject(answer);
    else pending.resolve(answer);
  }

  #lost(error: LostProcessError | MachineError): void {
    if (this.#ended !== null) return;
    this.#ended = error;
    this.arrays.close();
    this.#settle()?.reject(error);
  }

  #settle(): Pending | null {
    const pending = this.#pending;
    this.#pending = null;
    this.#wait(false);
    return pending;
  }

  /** Keeps this process alive while it waits for an answer, and only then. */
  #wait(isWaiting: boolean): void {
    const change = isWaiting ? 'ref' : 'unref';
    this.#child[change]();
    for (const stream of this.#child.stdio)
      (stream as { ref?: () => void; unref?: () => void } | null)?.[change]?.();
  }
}

function describeEnd(code: number | null, signal: NodeJS.Signals | null): LostProcessError {
  const where = 'what it printed is in the log of the cell';
  if (signal === 'SIGKILL' || code === 137) {
    return new LostProcessError(
      `the Python process of the model was killed, probably by the system because memory ran out; ${where}`,
      'out-of-memory',
    );
  }
  const how = signal ?? `exit code ${String(code)}`;
  return new LostProcessError(`the Python process of the model crashed (${how}); ${where}`, 'crash');
}

function parseAnswer(line: string): Readonly<Record<string, unknown>> | Error {
  let answer: unknown;
  try {
    answer = JSON.parse(line);
  } catch {
    return new PythonError(
      `the model wrote to the descriptor of ravelin's answers: ${line.slice(0, 200)}`,
      'model',
      '',
    );
  }
  const { ok, error, message, trace } = (answer ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof ok === 'object' && ok !== null) return ok as Readonly<Record<string, unknown>>;
  const kind = error === 'setup' || error === 'memory' ? error : 'model';
  return new PythonError(String(message), kind, typeof trace === 'string' ? trace : '');
}

function notStarted(python: string, error: Error): MachineError {
  return new MachineError(
    `Python cannot be started as ${python}: ${error.message}`,
    'set python: to an interpreter that has torch, such as .venv/bin/python',
    error,
  );
}
