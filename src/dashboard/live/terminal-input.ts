/** Stdin as Ink sees it: `take` gets all that is typed, and returns what is left for Ink. */
export function withoutAnswers(stdin: NodeJS.ReadStream, take: (typed: string) => string): NodeJS.ReadStream {
  const read = (): string | null => {
    for (;;) {
      const typed = stdin.read() as string | Buffer | null;
      if (typed === null) return null;
      const left = take(String(typed));
      if (left !== '') return left;
    }
  };
  return new Proxy(stdin, {
    get(target, name) {
      if (name === 'read') return read;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
