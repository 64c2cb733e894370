/**
 * Loaded by `node --import` before the tests of plugins, so that `import 'ravelin'` means this ravelin in
 * them.
 */
import { resolveRavelinHere } from './resolve-ravelin.ts';

resolveRavelinHere();
