/** Compiles the binding of @tensorflow/tfjs-node-gpu against an unpacked TensorFlow: two files of its, one of ours. */
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { SetupError } from './errors.ts';
import { libraries } from './wheel.ts';

export interface Compilation {
  /** Folder of the npm package with the sources. */
  readonly sources: string;
  /** Folder that holds `tensorflow/` with libraries and headers. */
  readonly packages: string;
  /** The addon to write. */
  readonly target: string;
  /** Where the libraries will lie, seen from the folder of the addon. */
  readonly runPath: string;
}

/** TensorFlow reports its settings on every start, whatever TF_CPP_MIN_LOG_LEVEL says: only errors interest here. */
const quiet = `#include "absl/log/globals.h"
namespace {
const struct Quiet {
  Quiet() { absl::SetMinLogLevel(absl::LogSeverityAtLeast::kError); }
} quiet;
}  // namespace
`;

/** The C++ compiler to use: $CXX, g++ or clang++. Throws `SetupError`. */
export async function findCompiler(): Promise<string> {
  const tried = [process.env['CXX'], 'g++', 'clang++', 'c++'].filter(
    (name) => name !== undefined && name !== '',
  );
  for (const compiler of tried) {
    if ((await execa(compiler!, ['--version'], { reject: false })).exitCode === 0) return compiler!;
  }
  throw new SetupError(
    `there is no C++ compiler here (tried ${tried.join(', ')})`,
    'install one (Debian: apt install g++; Red Hat: dnf install gcc-c++), or set CXX',
  );
}

/** Throws `SetupError` with the compiler's first complaints. */
export async function compileBinding(compiler: string, compilation: Compilation): Promise<void> {
  const { sources, packages, target, runPath } = compilation;
  const quietFile = join(dirname(target), 'quiet.cc');
  await writeFile(quietFile, quiet);
  const run = await execa(
    compiler,
    [
      '-O2', '-std=c++17', '-fPIC', '-shared', '-DNAPI_VERSION=8',
      ...[napiHeaders(), join(packages, 'tensorflow', 'include'), join(sources, 'binding'), sources].map((folder) => `-I${folder}`),
      ...['tfjs_backend.cc', 'tfjs_binding.cc'].map((file) => join(sources, 'binding', file)),
      quietFile,
      `-L${join(packages, 'tensorflow')}`,
      ...libraries.map((library) => `-l:${library}`),
      `-Wl,-rpath,$ORIGIN/${runPath}`,
      '-o', target,
    ],
    { reject: false, all: true },
  ); // prettier-ignore
  if (run.exitCode === 0) return;
  const complaints = run.all.split('\n').filter((line) => /error|undefined|cannot find/i.test(line)).slice(0, 3); // prettier-ignore
  throw new SetupError(
    `${compiler} cannot compile the binding: ${complaints.join('; ') || run.all.slice(0, 300)}`,
    'try another compiler with C++17 (CXX=clang++); GCC 9 is the oldest that knows all of it',
  );
}

function napiHeaders(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('node-api-headers/package.json')), 'include');
  } catch {
    throw new SetupError(
      'the npm package node-api-headers is not installed',
      'run npm ci (without --omit=optional)',
    );
  }
}
