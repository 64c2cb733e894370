// Markdown to HTML: anchors as GitHub makes them, links between pages, wide tables, and colours in code.
import { posix } from 'node:path';
import markdownIt from 'markdown-it';

/**
 * A renderer for the pages of the site. `env.source` of a rendering is the path of the page in the repository, by which
 * its links are resolved. `onFile(path)` is called for each file that a page links to and that is not a page itself; it
 * returns where the site has the file.
 */
export function renderer(pages, onFile) {
  const outputs = new Map(pages.map(({ source, output }) => [source, output]));
  const titles = new Map(pages.map(({ source, title }) => [source, title]));
  const md = markdownIt({ html: true, linkify: false, highlight });
  md.core.ruler.push('anchors', (state) => {
    const slugs = new Map();
    state.tokens.forEach((token, index) => {
      if (token.type !== 'heading_open') return;
      const slug = slugOf(textOf(state.tokens[index + 1]));
      const before = slugs.get(slug) ?? 0;
      slugs.set(slug, before + 1);
      token.attrSet('id', before === 0 ? slug : `${slug}-${before}`);
    });
  });
  md.core.ruler.push('names of pages', ({ tokens, env }) => {
    for (const { children } of tokens)
      nameLinks(children ?? [], (path) => titles.get(posix.join(posix.dirname(env.source), path)));
  });
  const target = (href, { source }) => {
    if (/^(?:[a-z]+:|#)/i.test(href)) return href;
    const [path, anchor] = href.split('#');
    const file = posix.join(posix.dirname(source), path);
    const output = outputs.get(file) ?? onFile(file);
    const relative = posix.relative(posix.dirname(outputs.get(source)), output);
    return anchor === undefined ? relative : `${relative}#${anchor}`;
  };
  const rewrite = (type, attribute) => {
    md.renderer.rules[type] = (tokens, index, options, env, self) => {
      tokens[index].attrSet(attribute, target(tokens[index].attrGet(attribute), env));
      return type === 'image'
        ? md.renderer.constructor.prototype.renderToken.call(
            self,
            withAlt(tokens, index, self, options, env),
            index,
            options,
          )
        : self.renderToken(tokens, index, options);
    };
  };
  rewrite('link_open', 'href');
  rewrite('image', 'src');
  md.renderer.rules.table_open = () => '<div class="wide"><table>';
  md.renderer.rules.table_close = () => '</table></div>';
  return md;
}

/** A link whose text is the file name of a page gets the title of the page. */
function nameLinks(children, titleOf) {
  children.forEach((token, index) => {
    const text = children[index + 1];
    if (token.type !== 'link_open' || text?.type !== 'text' || !/^[\w./-]+\.md$/.test(text.content)) return;
    text.content = titleOf(token.attrGet('href').split('#')[0]) ?? text.content;
  });
}

function withAlt(tokens, index, self, options, env) {
  tokens[index].attrSet('alt', self.renderInlineAsText(tokens[index].children, options, env));
  return tokens;
}

function textOf(inline) {
  return inline.children.map(({ content }) => content).join('');
}

/** The anchor that GitHub makes of a heading. */
export function slugOf(heading) {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
    .replaceAll(' ', '-');
}

/** Comments, texts and keys of code in another colour; other languages stay as they are. */
function highlight(code, language) {
  const parts = {
    yaml: /(#[^\n]*)|('[^'\n]*'|"[^"\n]*")|([\w$./-]+)(?=:(?:\s|$))/g,
    json: /()("[^"\n]*")(?!:)|("[^"\n]*")(?=:)/g,
  };
  const comments = {
    sh: /(#[^\n]*)/g,
    js: /(\/\/[^\n]*)|('[^'\n]*'|`[^`]*`)/g,
    ts: /(\/\/[^\n]*)|('[^'\n]*'|`[^`]*`)/g,
    python: /(#[^\n]*)|('[^'\n]*'|"[^"\n]*")/g,
  };
  const name =
    language === 'yml' ? 'yaml' : language === 'bash' ? 'sh' : language === 'py' ? 'python' : language;
  const pattern = parts[name] ?? comments[name];
  if (pattern === undefined) return escape(code);
  let html = '';
  let end = 0;
  for (const match of code.matchAll(pattern)) {
    if (match[0] === '' || (match[1] && match.index > 0 && !/\s/.test(code[match.index - 1]))) continue;
    const kind = match[1] ? 'comment' : match[2] ? 'text' : 'key';
    html += `${escape(code.slice(end, match.index))}<span class="${kind}">${escape(match[0])}</span>`;
    end = match.index + match[0].length;
  }
  return html + escape(code.slice(end));
}

function escape(text) {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
