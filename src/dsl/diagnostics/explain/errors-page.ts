import type { Page } from './page.ts';

type Pages = Readonly<Record<string, Page>>;

const beginning = `# Errors and warnings, by code

What does a message mean, and what do you do about it? Every error and warning of a pipeline has a code in brackets. This page explains each code, with a wrong and a right example.
\`ravelin explain CODE\` prints one of the explanations, and \`ravelin explain\` lists the codes.
Errors that come up in a run (memory, data, weights, the disk) have no page here: [What goes wrong](faq.md) has them by message.

## How to read a message

\`\`\`text
figure.yaml:7:68 error[missing-input]: 'recipe' has no output 'images', because its input 'images' is not connected
    7 |   nothing: { uses: predict/classify, in: { model: network, images: recipe } }
      |                                                                    ^~~~~~
figure.yaml:5:3 note: 'recipe' is defined here
    5 |   recipe: { uses: defense/crop, with: { size: 12 } }
      |   ^~~~~~
    fix: add 'in: { images: STAGE }' to 'recipe'
\`\`\`

- The first line has the file, the line, the column and the code, and says what is wrong. \`^~~~~~\` marks the words that it is about.
- A \`note\` shows a second place that belongs to the error.
- \`fix\` says what to write. Words in capitals, such as \`STAGE\`, stand for your own.
- An \`error\` must be fixed before a run. A \`warning\` may stay.

\`ravelin validate\` finds all errors at once and computes nothing. Its exit code is 2 if there is an error. Fix the first one first, because later ones may follow from it.

## The codes by what they are about
`;

/** The reference page of all codes, in Markdown: how to read a message, the codes by subject, and each of them by name. */
export function errorsPage(subjects: Readonly<Record<string, Pages>>): string {
  const lists = Object.entries(subjects).map(
    ([subject, pages]) =>
      `### ${subject}\n\n${Object.keys(pages)
        .sort()
        .map((code) => row(code, pages))
        .join('\n')}\n`,
  );
  const all = Object.assign({}, ...Object.values(subjects)) as Pages;
  const sections = Object.keys(all)
    .sort()
    .map((code) => section(code, all[code]!));
  return [beginning, ...lists, ...sections].join('\n');
}

function row(code: string, pages: Pages): string {
  return `- [\`${code}\`](#${code}): ${withCode(pages[code]!.title)}`;
}

function section(code: string, { title, meaning, wrong, right }: Page): string {
  return `## ${code}

**${withCode(title)}.** ${withCode(meaning)}

Wrong:

\`\`\`yaml fragment
${wrong}
\`\`\`

Right:

\`\`\`yaml fragment
${right}
\`\`\`
`;
}

const keys =
  'collect|defaults|env|exclude|extends|files|from|in|include|label|matrix|params|plugins|profiles|publish|seed|stages|templates|uses|where|with';

/** Sets keys, references and quoted words as code, except texts of which the sentence says that they are in quotes. */
function withCode(sentence: string): string {
  return sentence
    .replaceAll(/(?<!\w)'([^']+)'(?!\w| in quotes)/g, '`$1`')
    .split(/(`[^`]*`)/)
    .map((part) =>
      part.startsWith('`')
        ? part
        : part.replaceAll(
            new RegExp(
              String.raw`\$\([^)]*\)|(?<![\w.])(?:${keys}):(?=[\s,.;)])|(?<!\w)--?[a-zA-Z][\w-]*(?=[\s,.])`,
              'g',
            ),
            '`$&`',
          ),
    )
    .join('');
}
