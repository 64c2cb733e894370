/**
 * Reads the entries of a zip archive without compression, like those of `torch.save` (PKWARE APPNOTE 6.3,
 * including zip64).
 */
import { crc32 } from 'node:zlib';
import { WeightsError } from './errors.ts';

export interface ZipEntry {
  /** In bytes. */
  readonly length: number;
  /** Returns a view of the entry's bytes. Throws `WeightsError` if their checksum is wrong. */
  readonly read: () => Uint8Array;
}

const endSignature = 0x06054b50;
const end64Signature = 0x06064b50;
const locator64Signature = 0x07064b50;
const directorySignature = 0x02014b50;
const localSignature = 0x04034b50;

/** Whether bytes begin as a zip archive does. */
export function isZip([first, second, third, fourth]: Uint8Array): boolean {
  return first === 0x50 && second === 0x4b && third === 3 && fourth === 4;
}

/**
 * Reads the entries of a zip archive without compression. Throws `WeightsError` for a damaged archive and for
 * compressed or encrypted entries.
 */
export function readStoredZip(bytes: Uint8Array): ReadonlyMap<string, ZipEntry> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const has = (at: number, length: number): boolean => at >= 0 && at + length <= bytes.length;
  const signature = (at: number): number => (has(at, 4) ? view.getUint32(at, true) : 0);
  const long = (at: number): number => {
    if (!has(at, 8)) throw damaged('an entry ends early');
    return Number(view.getBigUint64(at, true));
  };
  let end = bytes.length - 22;
  const first = Math.max(0, end - 0xffff);
  while (end >= first && signature(end) !== endSignature) end--;
  if (end < first) throw damaged('its directory is missing, so it is truncated');
  let count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  if (signature(end - 20) === locator64Signature) {
    const end64 = long(end - 20 + 8);
    if (signature(end64) !== end64Signature) throw damaged('its zip64 directory is missing');
    count = long(end64 + 32);
    at = long(end64 + 48);
  }
  const entries = new Map<string, ZipEntry>();
  for (let index = 0; index < count; index++) {
    if (signature(at) !== directorySignature || !has(at, 46)) throw damaged('its directory ends early');
    const nameLength = view.getUint16(at + 28, true);
    const extraLength = view.getUint16(at + 30, true);
    const next = at + 46 + nameLength + extraLength + view.getUint16(at + 32, true);
    if (next > bytes.length) throw damaged('its directory ends early');
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
    if (/(^|\/)code\/__torch__/.test(name))
      throw new WeightsError(
        'the file is a program of TorchScript (torch.jit), whose code is not run',
        'export the network with torch.export.save or torch.onnx.export, and read it with model/torch-export or model/onnx; or run it with model/python',
      );
    if (view.getUint16(at + 10, true) !== 0 || (view.getUint16(at + 8, true) & 1) !== 0)
      throw new WeightsError(
        `the entry '${name}' is compressed or encrypted, so torch.save did not write it`,
      );
    // Sizes that do not fit into 32 bits are in the zip64 field, in this order, each only if needed.
    let extra = findExtra(view, at + 46 + nameLength, extraLength);
    const wide = (field: number): number => {
      const value = view.getUint32(at + field, true);
      if (value !== 0xffffffff || extra === null) return value;
      extra += 8;
      return long(extra - 8);
    };
    wide(24);
    const length = wide(20);
    const local = wide(42);
    const checksum = view.getUint32(at + 16, true);
    if (signature(local) !== localSignature || !has(local, 30))
      throw damaged(`the entry '${name}' is missing`);
    const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    if (!has(start, length)) throw damaged(`the entry '${name}' ends early`);
    // Many tensors may be views of one entry, whose checksum is computed only once.
    let isChecked = false;
    entries.set(name, {
      length,
      read: () => {
        const data = bytes.subarray(start, start + length);
        if (!isChecked && crc32(data) !== checksum)
          throw damaged(`the entry '${name}' has the wrong checksum`);
        isChecked = true;
        return data;
      },
    });
    at = next;
  }
  return entries;
}

/** Place of the zip64 field's content, or null. */
function findExtra(view: DataView, start: number, length: number): number | null {
  for (let at = start; at + 4 <= start + length; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) === 1) return at + 4;
  }
  return null;
}

function damaged(problem: string): WeightsError {
  return new WeightsError(`the zip archive is damaged: ${problem}`);
}
