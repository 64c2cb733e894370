import { Composer, type Document, Lexer, Parser, type YAMLError } from 'yaml';

/** Limits on the cost of parsing a text, because YAML may come from anywhere. */
export interface YamlLimits {
  /** Pieces of syntax: words, signs, and the blanks and line breaks between them. */
  readonly lexemes: number;
  /** Collections inside of one another. */
  readonly depth: number;
  /** Errors and warnings. The reading ends at the next one. */
  readonly problems: number;
}

export interface ParsedYaml {
  /** At most two, because nothing after a second document is read. */
  readonly documents: readonly Document.Parsed[];
  readonly problems: readonly YAMLError[];
  /** The limit that ended the reading, and the offset. */
  readonly exceeded?: { readonly limit: keyof YamlLimits; readonly at: number };
}

/**
 * `parseAllDocuments` of the `yaml` package within limits, because the package has none. It recurses as deep
 * as a text is nested: a million brackets end the process, in a regular expression that is compiled with no
 * stack left. It also makes an error with a stack trace for each wrong character: 15 µs each, so 15 s for 1
 * MiB of them.
 */
export function parseYaml(text: string, limits: YamlLimits): ParsedYaml {
  const parser = new Parser();
  const composer = new Composer({
    version: '1.2',
    schema: 'core',
    // `Converter` finds equal keys in linear time and shows both places.
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
      // Each document has its own lists.
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
      // Problems after a document are added to its own list once more.
      if (problems.size < limits.problems) problems.add(problem);
      // The composer takes this for an overflow of the stack and throws it again at each level of the text.
      else throw new Exceeded('problems');
      list[list.length] = problem;
      return list.length;
    };
  }
}
