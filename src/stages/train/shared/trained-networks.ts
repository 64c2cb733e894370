import {
  type Collected,
  type KnownInputs,
  type ParameterProblem,
  type StageContext,
  StageError,
} from '../../../runtime/stage.ts';
import { isNetworkModel, type Model, type NetworkModel } from '../../../values/model.ts';
import { pythonStage } from '../../model/python.ts';

interface Models {
  readonly model: Model;
  readonly sources?: readonly Collected<Model>[];
}

type Networks<I> = {
  readonly [N in keyof I]: I[N] extends Model
    ? NetworkModel
    : NonNullable<I[N]> extends readonly Collected<Model>[]
      ? readonly Collected<NetworkModel>[]
      : I[N];
};

const message =
  'a model here runs in Python (model/python), and ravelin can train only networks, whose weights it can change';
const fix =
  'train it in Python, and let model/python load the weights; or export it with torch.export, and train the stage model/torch-export that reads the file';

/** The problem of a training of programs, which the graph shows before the run. */
export function programProblems(inputs: KnownInputs): ParameterProblem[] {
  const models = [...(inputs['model'] ?? []), ...(inputs['sources'] ?? [])];
  return models.some(({ uses }) => uses === pythonStage.uses) ? [{ path: [], message, fix }] : [];
}

/**
 * The context of a training whose models are networks, which ravelin can change. Throws `StageError` for a program of
 * the user.
 */
export function withNetworks<P, I extends Models>(context: StageContext<P, I>): StageContext<P, Networks<I>> {
  const { model, sources = [] } = context.inputs;
  if (![model, ...sources.map(({ value }) => value)].every(isNetworkModel))
    throw new StageError(message, { fix });
  return context as unknown as StageContext<P, Networks<I>>;
}
