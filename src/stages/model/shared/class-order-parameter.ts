import { Type } from '@sinclair/typebox';

/** The file whose order of class names is that of the outputs; `sortedOrder` reads it. */
export const classOrderParameter = Type.Optional(
  Type.String({
    format: 'path',
    description:
      "JSON list with the name of each output, if the model has an order of its own; the outputs are put into the names' sorted order",
  }),
);

/** The file of a model and that of its class order, made absolute: those that the parameters themselves name. */
export function namedFiles(
  { path, classes }: { readonly path: string; readonly classes?: string },
  resolve: (path: string) => string,
): readonly string[] {
  return (classes === undefined ? [path] : [path, classes]).map(resolve);
}
