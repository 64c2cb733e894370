declare namespace NodeJS {
  interface ProcessEnv {
    /** Both are written into the bundle by scripts/build.mjs. */
    readonly RAVELIN_VERSION?: string;
    readonly RAVELIN_BUILD?: string;
  }
}
