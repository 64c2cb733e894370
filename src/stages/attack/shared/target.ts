import { Type } from '@sinclair/typebox';
import { port } from '../../../runtime/stage.ts';
import { sameImages } from '../../shared/known-model.ts';

/** How a gradient attack goes through a defense, and what it averages. */
export interface ThroughParameters {
  readonly eot: number;
  readonly average: 'logits' | 'loss';
  readonly backward: 'differentiable' | 'identity';
}

export const throughParameters = {
  eot: Type.Integer({
    unit: 'draws',
    minimum: 1,
    maximum: 1000,
    default: 10,
    description:
      'through a randomised defense: fresh draws at every step (expectation over transformation); a deterministic one needs one',
  }),
  average: Type.Union([Type.Literal('logits'), Type.Literal('loss')], {
    default: 'logits',
    description:
      'over draws and over models: the loss of the mean logits, or the mean of the losses, which saves a forward pass',
  }),
  backward: Type.Union([Type.Literal('differentiable'), Type.Literal('identity')], {
    default: 'differentiable',
    description:
      'gradient of the defense: its own if it has one (crop, JPEG, a plugin with pullBack) and the identity for the rest, or the identity for all (BPDA)',
  }),
};

/** `eot` of an attack that chooses its own default. */
export const ownEotParameter = (description: string) => ({
  eot: Type.Optional(
    Type.Integer({
      unit: 'draws',
      minimum: 1,
      maximum: 1000,
      description: `through a randomised defense: fresh draws at every step (expectation over transformation); ${description}`,
    }),
  ),
});

// Ports are declared apart, so that TypeScript distinguishes `list: true` from `list: boolean`.
const models = port('model', {
  list: true,
  optional: true,
  description: 'several models attacked as one, instead of model: an ensemble of sources for a transfer',
});

/** Inputs of every attack. */
export const targetPorts = {
  model: port('model', {
    optional: true,
    unless: 'models',
    description: 'the model whose gradient is followed',
  }),
  models,
  images: port('images', { description: 'originals, with their true labels' }),
};

/** The defense that an attack goes through. */
export const throughPort = port('transform', {
  optional: true,
  description: 'a defense that the attacker knows and goes through (BPDA and EOT); gray box if absent',
});

/** The output of every attack. */
export const adversarialPort = port('images', {
  description: 'float32 adversarial images in [0, 1] (bytes with `storeAs: uint8`), with their perturbation',
  facts: sameImages,
});
