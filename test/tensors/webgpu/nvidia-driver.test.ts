import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import {
  describeNvidiaDriver,
  nvidiaLibrary,
  nvidiaPackage,
} from '../../../src/tensors/webgpu/nvidia-driver.ts';

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ravelin-nvidia-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** A folder that stands for `/`, with these files. */
function rootWith(files: Readonly<Record<string, string>>): string {
  const root = temporaryFolder();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

it("describes NVIDIA's driver where only its library is there, and prefers the one that needs no display", () => {
  const root = rootWith({
    'usr/lib64/libGLX_nvidia.so.0': '',
    'usr/lib/x86_64-linux-gnu/libEGL_nvidia.so.0': '',
  });
  const library = join(root, 'usr/lib/x86_64-linux-gnu/libEGL_nvidia.so.0');
  expect(nvidiaLibrary(root)).toBe(library);
  const driver = describeNvidiaDriver(join(root, 'home'), root)!;
  expect(JSON.parse(readFileSync(driver.file, 'utf8'))).toMatchObject({ ICD: { library_path: library } });
  expect(nvidiaLibrary(rootWith({ 'usr/lib64/libGLX_nvidia.so.0': '' }))).toMatch(/libGLX_nvidia\.so\.0$/);
});

it('describes none where there is no library, or nowhere to write', () => {
  expect(describeNvidiaDriver(join(temporaryFolder(), 'home'), rootWith({}))).toBeNull();
  const root = rootWith({ 'usr/lib64/libGLX_nvidia.so.0': '', home: 'a file' });
  expect(describeNvidiaDriver(join(root, 'home'), root)).toBeNull();
});

it('names the package that fits the driver of the kernel', () => {
  expect(nvidiaPackage(rootWith({}))).toBeNull();
  expect(
    nvidiaPackage(
      rootWith({
        'dev/nvidia0': '',
        'proc/driver/nvidia/version':
          'NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  Sun Jul 27 07:14:56 UTC 2026\n',
      }),
    ),
  ).toBe('libnvidia-gl-580');
  expect(nvidiaPackage(rootWith({ 'dev/nvidia0': '' }))).toBe('libnvidia-gl');
});
