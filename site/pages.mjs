// The pages of the site: which Markdown files it has, in which order, and where each goes.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Groups of the menu, in order. A page of docs/ that is in none stands in the last one. */
const groups = [
  [
    'Start',
    [
      'README.md',
      'docs/README.md',
      'docs/tutorial.md',
      'docs/cookbook.md',
      'docs/coming-from.md',
      'docs/faq.md',
      'docs/glossary.md',
    ],
  ],
  [
    'Experiments',
    [
      'docs/language.md',
      'docs/attacks.md',
      'docs/adaptive-attacks.md',
      'docs/defenses.md',
      'docs/training.md',
      'docs/models.md',
      'docs/own-models.md',
      'docs/python-models.md',
      'docs/extending.md',
      'docs/reproducing-the-paper.md',
      'docs/reproducibility.md',
    ],
  ],
  [
    'Runs',
    [
      'docs/running.md',
      'docs/dashboard.md',
      'docs/cache.md',
      'docs/backends.md',
      'docs/slurm.md',
      'docs/containers.md',
      'docs/operations.md',
      'docs/security.md',
    ],
  ],
  ['Reference', ['docs/stages.md', 'docs/errors.md', 'docs/plugin-reference.md', 'docs/kernels.md']],
  ['Measured', ['docs/measured/README.md']],
  ['Project', ['ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md']],
];

const home = 'README.md';

/**
 * All pages of the repository at `root`: `{ source, output, title, group, text }`, in the order of the menu. Paths are
 * relative, with slashes; `README.md` becomes `index.html`.
 */
export function readPages(root) {
  const written = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .map((name) => `docs/${name.replaceAll('\\', '/')}`)
    .filter((name) => name.endsWith('.md'))
    .sort();
  const listed = groups.flatMap(([, sources]) => sources);
  const others = written.filter((source) => !listed.includes(source));
  const isMeasured = (source) => source.startsWith('docs/measured/');
  return groups.flatMap(([group, sources]) => {
    const more =
      group === 'Measured'
        ? others.filter(isMeasured)
        : group === 'Project'
          ? others.filter((source) => !isMeasured(source))
          : [];
    return [...sources, ...more]
      .filter((source) => existsSync(join(root, source)))
      .map((source) => {
        const text = readFileSync(join(root, source), 'utf8');
        return { source, output: outputOf(source), title: titleOf(source, text), group, text };
      });
  });
}

function outputOf(source) {
  if (source === home) return 'index.html';
  if (source === 'docs/README.md') return 'contents.html';
  return source
    .replace(/^docs\//, '')
    .replace(/README\.md$/, 'index.html')
    .replace(/\.md$/, '.html')
    .replace(/^[A-Z]+(?=\.html$)/, (name) => name.toLowerCase());
}

function titleOf(source, text) {
  return /^# (.*)$/m.exec(text)?.[1].replaceAll('`', '') ?? source;
}
