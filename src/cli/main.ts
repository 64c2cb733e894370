#!/usr/bin/env node
import { CommanderError } from 'commander';
import { withForcedSelection } from './command-words.ts';
import { exitCodes } from './exit-codes.ts';
import { createProgram } from './program.ts';
import { reportError } from './report-error.ts';

try {
  const program = createProgram();
  if (process.argv.length <= 2) {
    program.outputHelp();
  } else {
    await program.parseAsync(withForcedSelection(process.argv));
  }
} catch (error) {
  if (error instanceof CommanderError) {
    // Help and version exit with code 0; any other error of the parser is a usage error.
    process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  } else {
    process.exitCode = await reportError(error);
  }
}
