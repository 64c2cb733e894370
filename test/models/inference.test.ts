import { readyEvaluations } from '../tensors/backends.ts';
import { describeInference, describeOpening } from './inference-suite.ts';

describeInference(readyEvaluations.filter(([backend]) => backend !== 'webgpu'));
describeOpening();
