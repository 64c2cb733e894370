// The documentation as a site of static files: `npm run docs` writes it to site/dist. All links are relative and all
// scripts are plain files, so that it works from any folder of a server, and from the disk (file://).
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, posix, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { renderer } from './markdown.mjs';
import { readPages } from './pages.mjs';
import { sectionsOf } from './search.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

export default function (eleventyConfig) {
  const pages = readPages(root);
  const files = new Set();
  const copyOf = (file) => {
    if (!existsSync(join(root, file))) throw new Error(`a page links to ${file}, which does not exist`);
    files.add(file);
    return file.startsWith('docs/') ? file.slice('docs/'.length) : `files/${file}`;
  };
  const md = renderer(pages, copyOf);

  for (const { source, output, title, text } of pages) {
    const headings = md.parse(text, { source }).flatMap((token, index, all) =>
      token.tag === 'h2' && token.nesting === 1
        ? [
            {
              id: token.attrGet('id'),
              text: md.renderInline(all[index + 1].content.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1'), {
                source,
              }),
            },
          ]
        : [],
    );
    eleventyConfig.addTemplate(`${source.replace(/\.md$/, '')}.njk`, '', {
      layout: 'page.njk',
      permalink: output,
      heading: title,
      html: md.render(text, { source }),
      headings,
      up:
        posix.relative(posix.dirname(output), '.') === ''
          ? ''
          : `${posix.relative(posix.dirname(output), '.')}/`,
      output,
    });
  }
  const menu = [...new Set(pages.map(({ group }) => group))].map((group) => ({
    group,
    pages: pages
      .filter((page) => page.group === group)
      .map(({ title, output }) => ({ title: title.replace(/, measured$/, ''), output })),
  }));
  eleventyConfig.addGlobalData('menu', menu);

  // A page that was removed leaves nothing behind. Another folder (--output) is not emptied.
  eleventyConfig.on('eleventy.before', ({ directories }) => {
    if (resolve(directories.output) === join(root, 'site/dist'))
      rmSync(directories.output, { recursive: true, force: true });
  });
  eleventyConfig.on('eleventy.after', ({ directories }) => {
    const write = (name, content) => {
      const path = join(directories.output, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
    };
    for (const name of ['style.css', 'site.js']) write(name, readFileSync(join(root, 'site', name)));
    write('minisearch.js', readFileSync(join(root, 'node_modules/minisearch/dist/umd/index.js')));
    const sections = pages.flatMap((page) => sectionsOf(page, md));
    write('sections.js', `window.ravelinSections = ${JSON.stringify(sections)};\n`);
    for (const file of files) {
      const path = join(directories.output, copyOf(file));
      mkdirSync(dirname(path), { recursive: true });
      copyFileSync(join(root, file), path);
    }
  });

  return { templateFormats: ['njk'], dir: { input: 'site', includes: 'templates', output: 'site/dist' } };
}
