const formats: readonly (readonly [start: string, name: string])[] = [
  ['PK\x03\x04', 'a zip archive, as .npz, .pth and .keras files are'],
  ['\x93NUMPY', 'a NumPy array (.npy)'],
  ['\x89HDF', 'an HDF5 file (.h5)'],
  ['\x1f\x8b', 'gzipped'],
  ['\x89PNG', 'a PNG image'],
  ['\xff\xd8\xff', 'a JPEG image'],
  ['BZh', 'compressed by bzip2'],
  ['\x28\xb5\x2f\xfd', 'compressed by Zstandard'],
  ['\xfd7zXZ', 'compressed by xz'],
  ['\x80\x02', 'a Python pickle'],
  ['\x80\x03', 'a Python pickle'],
  ['\x80\x04', 'a Python pickle'],
  ['\x80\x05', 'a Python pickle'],
  ['version https://git-lfs', 'a pointer of Git LFS and not the file itself'],
  ['<!DOCTYPE', 'a web page'],
  ['<html', 'a web page'],
];

/**
 * Names a file by its first bytes, as the rest of `the file is …`; null if they are those of no format that
 * is often mistaken for another.
 */
export function foreignFormat(bytes: Uint8Array): string | null {
  const start = Buffer.from(bytes.subarray(0, 32)).toString('latin1');
  return formats.find(([signature]) => start.startsWith(signature))?.[1] ?? null;
}
