import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import type { Json } from '../../values/json.ts';
import type { DiagnosticSink } from '../diagnostics/sink.ts';
import type { Located } from '../text/located.ts';
import { convert } from './convert.ts';
import { closed, type JsonSchema } from './json-schema-types.ts';
import { reportSchemaErrors, type Subject } from './schema-errors.ts';

let shared: Ajv | undefined;
const validators = new WeakMap<object, ValidateFunction>();

/** The validator of a schema, compiled when first asked for: a pipeline pays only for the stage types it uses. */
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
    // Judged apart, where the folder of the pipeline is known.
    formats: { path: true },
    keywords: ['unit', 'patternSays'],
  });
  return shared;
}

/**
 * Judges a value by a schema and fills in defaults. The mistakes go to `sink`; undefined if there is one. No value is
 * coerced but the scalars of the field.
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
