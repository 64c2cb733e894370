/**
 * Compiles the binding of @tensorflow/tfjs-node-gpu against an unpacked TensorFlow, from two of its files and
 * ours.
 */
import { rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { bundleFolder, folderOf } from './bundled.ts';
import { contextRename, contextSource } from './context-source.ts';
import { SetupError } from './errors.ts';
import { functionSource } from './function-source.ts';
import { bindingPackageName, quietAddon } from './locations.ts';
import { libraries } from './wheel.ts';

export interface Compilation {
  /** Folder that holds `tensorflow/` with libraries and headers. */
  readonly packages: string;
  /** The addon to write. */
  readonly target: string;
  /** Folder of the libraries, relative to the folder of the addon. */
  readonly runPath: string;
}

/**
 * An addon with `mute` and `unmute` for standard error. While it is loaded, TensorFlow reports its settings
 * into every worker's log, whatever TF_CPP_MIN_LOG_LEVEL is.
 */
const quiet = `#include <fcntl.h>
#include <node_api.h>
#include <unistd.h>
static int kept = -1;
static napi_value mute(napi_env, napi_callback_info) {
  if (kept >= 0) return nullptr;
  int none = open("/dev/null", O_WRONLY);
  kept = dup(2);
  if (none >= 0 && kept >= 0) dup2(none, 2);
  if (none >= 0) close(none);
  return nullptr;
}
static napi_value unmute(napi_env, napi_callback_info) {
  if (kept < 0) return nullptr;
  dup2(kept, 2);
  close(kept);
  kept = -1;
  return nullptr;
}
extern "C" napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  napi_value function;
  napi_create_function(env, "mute", NAPI_AUTO_LENGTH, mute, nullptr, &function);
  napi_set_named_property(env, exports, "mute", function);
  napi_create_function(env, "unmute", NAPI_AUTO_LENGTH, unmute, nullptr, &function);
  napi_set_named_property(env, exports, "unmute", function);
  return exports;
}
`;

/** Finds a C++ compiler: $CXX, g++ or clang++. Throws `SetupError` if there is none. */
export async function findCompiler(): Promise<string> {
  const tried = [process.env['CXX'], 'g++', 'clang++', 'c++'].filter(
    (name) => name !== undefined && name !== '',
  );
  for (const compiler of tried) {
    if ((await execa(compiler!, ['--version'], { reject: false })).exitCode === 0) return compiler!;
  }
  throw new SetupError(
    `found no C++ compiler (tried ${tried.join(', ')})`,
    'install one (Debian: apt install g++; Red Hat: dnf install gcc-c++), or set CXX',
  );
}

/** Compiles the addon and its quiet companion. Throws `SetupError` with the first errors of the compiler. */
export async function compileBinding(compiler: string, compilation: Compilation): Promise<void> {
  const { packages, target, runPath } = compilation;
  const bundle = bundleFolder();
  const sources = bundle ?? folderOf(bindingPackageName);
  const headers = bundle === null ? join(folderOf('node-api-headers'), 'include') : join(bundle, 'node-api');
  const quietFile = join(dirname(target), 'quiet.cc');
  const functionFile = join(dirname(target), 'functions.cc');
  const contextFile = join(dirname(target), 'context.cc');
  await writeFile(quietFile, quiet);
  await writeFile(functionFile, functionSource);
  await writeFile(contextFile, contextSource);
  const common = [
    ...['-O2', '-std=c++17', '-fPIC', '-shared', '-DNAPI_VERSION=8'],
    ...[headers, join(packages, 'tensorflow', 'include'), join(sources, 'binding'), sources].map(
      (folder) => `-I${folder}`,
    ),
    `-L${join(packages, 'tensorflow')}`,
    `-Wl,-rpath,$ORIGIN/${runPath}`,
  ];
  const files = [join(sources, 'binding', 'tfjs_backend.cc'), functionFile, contextFile];
  await compile(compiler, [
    ...[...common, contextRename, ...files],
    ...[...libraries.map((name) => `-l:${name}`), '-ldl', '-o', target],
  ]);
  await compile(compiler, [...common, quietFile, '-o', quietAddon(target)]);
  for (const file of [quietFile, functionFile, contextFile]) await rm(file);
}

async function compile(compiler: string, parameters: readonly string[]): Promise<void> {
  const run = await execa(compiler, parameters, { reject: false, all: true });
  if (run.exitCode === 0) return;
  const complaints = run.all.split('\n').filter((line) => /error|undefined|cannot find/i.test(line)).slice(0, 3); // prettier-ignore
  throw new SetupError(
    `${compiler} cannot compile the binding: ${complaints.join('; ') || run.all.slice(0, 300)}`,
    'try another compiler with C++17 (CXX=clang++); it needs GCC 9 or later',
  );
}
