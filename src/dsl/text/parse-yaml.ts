import { Composer, type Document, Lexer, Parser, type YAMLError } from 'yaml';

/** What a text may cost to parse: YAML is data that may come from anywhere. */
export interface YamlLimits {
  /** Pieces of syntax: words, signs, and the blanks and line breaks between them. */
  readonly lexemes: number;
  /** Collections inside of one another. */
  readonly depth: number;
  /** Errors and warnings: at the next one nothing more is read. */
  readonly problems: number;
}

export interface ParsedYaml {
  /** At most two: what follows a second document is not read. */
  readonly documents: readonly Document.Parsed[];
  readonly problems: readonly YAMLError[];
  /** Which limit ended the reading, and at which offset. */
  readonly exceeded?: { readonly limit: keyof YamlLimits; readonly at: number };
}

/**
 * `parseAllDocuments` of the `yaml` package within limits, as the package has none. It recurses as deep as a text is nested: a
 * million brackets end the process, in a regular expression that is compiled with no stack left. And it makes an error with
 * a stack trace of each wrong character: 15 µs each, so 15 s for 1 MiB of them.
 */
export function parseYaml(text: string, limits: YamlLimits): ParsedYaml {
  const parser = new Parser();
  const composer = new Composer({
    version: '1.2',
    schema: 'core',
    // Ours is linear in the number of keys and shows both places.
    uniqueKeys: false,
    resolveKnownTags: false,
    merge: false,
    prettyErrors: false,
    logLevel: 'silent',
  });
  const documents: Document.Parsed[] = [];
  const problems = new Set<YAMLError>();
  const compose = (tokens: ReturnType<Parser['next']>): void => {
    for (const token of tokens) {
      documents.push(...composer.next(token));
      // Each document has lists of its own.
      if (token.type === 'document' || token.type === 'doc-end') watchProblems(composer, problems, limits);
    }
  };
  let lexemes = 0;
  let at = 0;
  try {
    watchProblems(composer, problems, limits);
    for (const lexeme of new Lexer().lex(text)) {
      at = parser.offset;
      compose(parser.next(lexeme));
      if (++lexemes > limits.lexemes) throw new Exceeded('lexemes');
      if (parser.stack.length > limits.depth) throw new Exceeded('depth');
      if (documents.length > 1) return { documents, problems: [...problems] };
    }
    compose(parser.end());
    documents.push(...composer.end());
  } catch (error) {
    if (!(error instanceof Exceeded)) throw error;
    return { documents, problems: [...problems], exceeded: { limit: error.limit, at } };
  }
  return { documents, problems: [...problems] };
}

class Exceeded extends Error {
  readonly limit: keyof YamlLimits;

  constructor(limit: keyof YamlLimits) {
    super(`too many ${limit}`);
    this.limit = limit;
  }
}

/** The composer has no handler for errors, but lists that it adds them to, also from within a document. */
function watchProblems(composer: Composer, problems: Set<YAMLError>, limits: YamlLimits): void {
  const { errors, warnings } = composer.streamInfo();
  for (const list of [errors, warnings] as YAMLError[][]) {
    list.push = (problem: YAMLError) => {
      // Those after a document are added to its own list once more.
      if (problems.size < limits.problems) problems.add(problem);
      // Thrown again at each level of the text, where the composer takes it for an overflow of the stack.
      else throw new Exceeded('problems');
      list[list.length] = problem;
      return list.length;
    };
  }
}
