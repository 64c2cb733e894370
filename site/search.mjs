// What the search of the site looks through: each section of each page, as plain words.
import { slugOf } from './markdown.mjs';

/** Sections of a page by its rendered tokens: `{ page, title, url, text }`. */
export function sectionsOf({ output, title, text, source }, md) {
  const tokens = md.parse(text, { source });
  const sections = [{ page: title, title, url: output, text: '' }];
  tokens.forEach((token, index) => {
    if (token.type === 'heading_open' && token.tag !== 'h1') {
      const heading = wordsOf(tokens[index + 1]);
      sections.push({
        page: title,
        title: heading,
        url: `${output}#${token.attrGet('id') ?? slugOf(heading)}`,
        text: '',
      });
    } else if (token.type === 'inline' && tokens[index - 1]?.type !== 'heading_open') {
      sections.at(-1).text += `${wordsOf(token)} `;
    } else if (token.type === 'fence') {
      sections.at(-1).text += `${token.content} `;
    }
  });
  return sections;
}

function wordsOf({ children }) {
  return children.map(({ type, content }) => (type === 'softbreak' ? ' ' : content)).join('');
}
