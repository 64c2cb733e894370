/** The place of the images and downloads of a page: in it, or in files beside it. */
export interface Attachments {
  /** The address of some bytes for an element of the page. `name` has no folder, and says to the reader of a zip what the file is. */
  readonly address: (name: string, type: string, bytes: Uint8Array) => string;
  /** Whether the bytes are in the page, so that each copy makes it larger. */
  readonly areInside: boolean;
}

/** Keeps everything in the page. */
export const inside: Attachments = {
  areInside: true,
  address: (_name, type, bytes) => `data:${type};base64,${Buffer.from(bytes).toString('base64')}`,
};

/** Collects files for a folder beside the page, which `address` names. Files of equal names get numbers. */
export class FilesBeside implements Attachments {
  readonly areInside = false;
  readonly files = new Map<string, Uint8Array>();
  readonly #folder: string;
  /** The paths of the files, by their names in lower case. */
  readonly #paths = new Map<string, string>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  readonly address = (name: string, _type: string, bytes: Uint8Array): string => {
    const dot = name.lastIndexOf('.');
    const [stem, extension] = dot < 0 ? [name, ''] : [name.slice(0, dot), name.slice(dot)];
    const safe = stem
      .replaceAll(/[^\w.-]+/g, '_')
      .replace(/^\.+/, '_')
      .slice(0, 80);
    for (let count = 1; ; count++) {
      const path = `${this.#folder}/${count === 1 ? safe : `${safe}-${count}`}${extension}`;
      // Some file systems do not know case.
      const known = this.#paths.get(path.toLowerCase());
      if (known !== undefined && !Buffer.from(this.files.get(known)!).equals(bytes)) continue;
      if (known !== undefined) return known;
      this.#paths.set(path.toLowerCase(), path);
      this.files.set(path, bytes);
      return path;
    }
  };
}
