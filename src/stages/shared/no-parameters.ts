/** The properties of a stage's schema if it has no parameters. */
export type NoParameters = Readonly<Record<string, never>>;
