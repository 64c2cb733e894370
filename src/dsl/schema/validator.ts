import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import type { Json } from '../../values/json.ts';
import type { DiagnosticSink } from '../diagnostics/sink.ts';
import type { Located } from '../text/located.ts';
import { convert } from './convert.ts';
import { closed, type JsonSchema } from './json-schema-types.ts';
import { reportSchemaErrors, type Subject } from './schema-errors.ts';

let shared: Ajv | undefined;
const validators = new WeakMap<object, ValidateFunction>();

/**
 * The validator of a schema, compiled on first use, so that a pipeline pays only for the stage types that it
 * uses.
 */
export function validatorOf(schema: JsonSchema): ValidateFunction {
  let validator = validators.get(schema);
  if (validator === undefined) {
    validator = ajv().compile(closed(schema));
    validators.set(schema, validator);
  }
  return validator;
}

function ajv(): Ajv {
  shared ??= new Ajv({
    allErrors: true,
    useDefaults: true,
    verbose: true,
    strict: false,
    validateSchema: false,
    logger: false,
    // Paths are judged elsewhere, because that needs the folder of the pipeline.
    formats: { path: true },
    keywords: ['unit', 'patternSays', 'runsCode'],
  });
  return shared;
}

/**
 * Judges a value by a schema and fills in defaults. Reports errors into `sink` and returns undefined if there
 * is one. Only the scalars of the field are converted. Parts that are not known because of an earlier error
 * are not judged.
 */
export function checkAgainst(
  schema: JsonSchema,
  located: Located,
  subject: Subject,
  sink: DiagnosticSink,
): Json | undefined {
  const value = convert(located, schema);
  const errors = errorsOf(schema, value);
  if (errors.length === 0) return value;
  reportSchemaErrors(errors, located, subject, sink);
  return undefined;
}

export function errorsOf(schema: JsonSchema, value: Json): readonly ErrorObject[] {
  const validate = validatorOf(schema);
  return validate(value) ? [] : (validate.errors ?? []);
}
