declare namespace NodeJS {
  interface ProcessEnv {
    /** scripts/build.mjs writes both into the bundle. */
    readonly RAVELIN_VERSION?: string;
    readonly RAVELIN_BUILD?: string;
  }
}
