#!/usr/bin/env node
import { CommanderError } from 'commander';
import { guardStream } from '../console/write.ts';
import { withForcedSelection, withNestedHelp } from './command-words.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import { finishOutput } from './output.ts';
import { createProgram } from './program.ts';
import { reportError } from './report-error.ts';

guardStream(process.stdout);
guardStream(process.stderr);
try {
  const program = createProgram();
  if (process.argv.length <= 2) {
    program.outputHelp();
  } else {
    await program.parseAsync(withForcedSelection(withNestedHelp(process.argv)));
  }
} catch (error) {
  if (error instanceof CommanderError) {
    // Help and version exit with code 0; any other error of the parser is a usage error.
    process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  } else {
    process.exitCode = await reportError(error);
  }
}
// Handlers return the codes of the table, and nothing else sets them.
process.exitCode = await finishOutput((process.exitCode ?? exitCodes.ok) as ExitCode);
