/** Sorts the tables of the page by their heads, and filters the scores by words. */
export const tableScript = `
for (const table of document.querySelectorAll('table')) {
  const body = table.tBodies[0];
  if (body.rows.length < 2) continue;
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => {
      const ascending = head.getAttribute('aria-sort') !== 'ascending';
      for (const other of head.parentNode.cells) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', ascending ? 'ascending' : 'descending');
      const value = (row) => {
        const { dataset, textContent } = row.cells[column];
        return dataset.sort !== undefined ? dataset.sort : /^-?[\\d.]+(?:e[+-]?\\d+)?$/.test(textContent) ? textContent : undefined;
      };
      const compare = (one, other) => {
        const [a, b] = [value(one), value(other)];
        if (a !== undefined && b !== undefined) return a - b;
        if (a !== undefined || b !== undefined) return a === undefined ? 1 : -1;
        return one.cells[column].textContent.localeCompare(other.cells[column].textContent, 'en', { numeric: true });
      };
      body.append(...[...body.rows].sort((one, other) => (ascending ? compare(one, other) : compare(other, one))));
    });
  });
}
const scores = document.querySelector('#scores table');
if (scores !== null) {
  const field = document.createElement('input');
  field.className = 'filter';
  field.type = 'search';
  field.placeholder = 'words that the rows must have';
  field.setAttribute('aria-label', 'Filter the scores');
  scores.parentNode.before(field);
  field.addEventListener('input', () => {
    const words = field.value.toLowerCase().split(/\\s+/);
    for (const row of scores.tBodies[0].rows) {
      const text = [...row.cells].map((cell) => cell.textContent).join(' ').toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
  });
}
`.trim();
