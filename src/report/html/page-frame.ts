import { createHash } from 'node:crypto';
import { html, text } from './elements.ts';
import { script } from './script.ts';
import { style } from './style.ts';

/** A whole page around its header and its sections, with the policy that lets nothing else run or load. */
export function pageOf(title: string, header: string, sections: string): string {
  const policy = [
    "default-src 'none'",
    // Files beside the page are those of a zip; a page of its own refers to none.
    "img-src data: 'self' file:",
    // Inline attributes colour the key of the timeline.
    "style-src 'unsafe-inline'",
    `script-src 'sha256-${createHash('sha256').update(script).digest('base64')}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const head = [
    html('meta', { charset: 'utf-8' }),
    html('meta', { 'http-equiv': 'Content-Security-Policy', content: policy }),
    html('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
    html('title', {}, text(title)),
    `<style>${style}</style>`,
  ];
  const body = [
    html('a', { class: 'skip', href: '#main' }, 'Skip to the results'),
    html('header', {}, header),
    html('main', { id: 'main' }, sections),
    `<script>${script}</script>`,
  ];
  return `<!doctype html>\n<html lang="en">\n<head>\n${head.join('\n')}\n</head>\n<body>\n${body.join('\n')}\n</body>\n</html>\n`;
}

/** The links to the parts of a page that are there. */
export function contentsOf(
  links: readonly (readonly [id: string, name: string, isThere: boolean])[],
): string {
  return html(
    'nav',
    { 'aria-label': 'Parts of the report' },
    ...links.flatMap(([id, name, isThere]) => (isThere ? [html('a', { href: `#${id}` }, name)] : [])),
  );
}
