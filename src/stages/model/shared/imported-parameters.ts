import { Type } from '@sinclair/typebox';
import { classOrderParameter } from './class-order-parameter.ts';
import { preprocessingParameters } from './preprocessing-parameters.ts';

/** Parameters of every stage that reads a network from a file of another tool; `what` names what the file holds. */
export const importedParameters = (what: string) => ({
  output: Type.Optional(
    Type.String({ description: `name of the output with the logits, if the ${what} has several` }),
  ),
  channels: Type.Union([Type.Literal('rgb'), Type.Literal('bgr')], {
    default: 'rgb',
    description: 'order of the colours that the network takes; mean and std are always red first',
  }),
  classes: classOrderParameter,
  ...preprocessingParameters([0], [1]),
});
