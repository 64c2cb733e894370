#!/usr/bin/env node
import { CommanderError } from 'commander';
import { exitCodes } from './exit-codes.ts';
import { createProgram } from './program.ts';
import { reportError } from './report-error.ts';

try {
  const program = createProgram();
  // Its selection is optional and follows '=': a bare --force must not take the file's name for one.
  const takesForce = process.argv.includes('run') || process.argv.includes('plan');
  if (process.argv.length <= 2) {
    program.outputHelp();
  } else {
    await program.parseAsync(
      process.argv.map((word) => (takesForce && word === '--force' ? '--force=*' : word)),
    );
  }
} catch (error) {
  if (error instanceof CommanderError) {
    // Help and version leave with code 0; every mistake in the call is a usage error.
    process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  } else {
    process.exitCode = await reportError(error);
  }
}
