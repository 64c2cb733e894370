import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pages } from './yaml-blocks.ts';

/** The site that `npm run docs` makes, in a folder of its own. */
const site = mkdtempSync(join(tmpdir(), 'ravelin-site-'));
const text = (path: string): string => readFileSync(join(site, path), 'utf8');
let files: readonly string[] = [];

beforeAll(() => {
  execFileSync('npm', ['run', '--silent', 'docs', '--', `--output=${relative('.', site)}`]);
  files = readdirSync(site, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.html'));
});

afterAll(() => rmSync(site, { recursive: true }));

describe('the site of the documentation', () => {
  it('has every page', () => {
    const beside = ['ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md'];
    expect(files.length).toBe(pages.length + beside.length);
    expect(text('index.html')).toContain('<title>ravelin</title>');
    expect(text('measured/attacks.html')).toContain('href="../stages.html"');
  });

  it('has no link that leads nowhere, and none to a page that is still Markdown', () => {
    const broken = files.flatMap((file) => {
      const html = text(file);
      return [...html.matchAll(/ (?:href|src)="([^"]*)"/g)].flatMap(([, link]) => {
        if (/^(?:https?:|data:)/.test(link!)) return [];
        const [path = '', anchor] = link!.split('#');
        const target = path === '' ? file : join(dirname(file), path);
        const isThere = existsSync(join(site, target)) && !target.endsWith('.md');
        const hasAnchor =
          anchor === undefined || text(target).includes(` id="${decodeURIComponent(anchor)}"`);
        return isThere && hasAnchor ? [] : [`${file}: ${link!}`];
      });
    });
    expect(broken).toEqual([]);
  });

  it('loads nothing from elsewhere, and no module, which a browser refuses from the disk', () => {
    const loaded = files.flatMap((file) => [
      ...text(file).matchAll(
        /<(?:script|img|link)\b[^>]*(?:src|href)="(?:https?:|\/)[^>]*>|<script[^>]*module[^>]*>/g,
      ),
    ]);
    expect(loaded.map(([tag]) => tag)).toEqual([]);
  });

  it('finds stages, sections and words of pages', () => {
    const window: { ravelinSections?: readonly { url: string; title: string; text: string }[] } = {};
    runInNewContext(text('sections.js'), { window });
    const sections = window.ravelinSections ?? [];
    expect(sections.find(({ title }) => title === 'defense/tvm')?.url).toBe('stages.html#defensetvm');
    expect(new Set(sections.map(({ url }) => url)).size).toBe(sections.length);
    expect(sections.find(({ url }) => url === 'measured/kernels.html#image-quilting')?.text).toContain(
      'FAISS',
    );
  });
});
