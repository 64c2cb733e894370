// The search and the choice of colours. A plain script, because a browser loads no modules from the disk.
(() => {
  const up = document.body.dataset.up;
  const field = document.getElementById('search');
  const list = document.getElementById('found');
  const mostResults = 12;

  let search;
  const load = (name) =>
    new Promise((resolve, reject) => {
      const script = document.createElement('script');
      script.src = `${up}${name}`;
      script.addEventListener('load', resolve);
      script.addEventListener('error', reject);
      document.head.append(script);
    });
  const open = () => {
    search ??= Promise.all([load('minisearch.js'), load('sections.js')]).then(() => {
      const index = new window.MiniSearch({
        idField: 'url',
        fields: ['title', 'page', 'text'],
        storeFields: ['title', 'page', 'text', 'url'],
        searchOptions: { boost: { title: 4, page: 2 }, prefix: true, fuzzy: 0.15, combineWith: 'AND' },
        tokenize: (text) =>
          text.split(/[^\p{L}\p{N}_.-]+|(?<=\p{L})[./-]|[.-](?=\s|$)/u).filter((word) => word),
      });
      index.addAll(window.ravelinSections);
      return index;
    });
    return search;
  };

  const around = (text, words) => {
    const places = words.map((word) => text.toLowerCase().indexOf(word)).filter((place) => place >= 0);
    const start = Math.max(0, Math.min(...places, text.length) - 40);
    return `${start > 0 ? '… ' : ''}${text.slice(start, start + 140)}`;
  };
  const show = async () => {
    const query = field.value.trim();
    if (query === '') {
      list.hidden = true;
      return;
    }
    const index = await open();
    if (field.value.trim() !== query) return;
    const results = index.search(query).slice(0, mostResults);
    list.replaceChildren(
      ...results.map(({ title, page, text, url, queryTerms }) => {
        const item = document.createElement('li');
        const link = document.createElement('a');
        link.href = `${up}${url}`;
        const name = document.createElement('strong');
        name.textContent = title === page ? title : `${page} › ${title}`;
        const excerpt = document.createElement('span');
        excerpt.textContent = around(text, queryTerms);
        link.append(name, excerpt);
        item.append(link);
        return item;
      }),
    );
    if (results.length === 0) {
      const item = document.createElement('li');
      item.textContent = 'Nothing found.';
      list.append(item);
    }
    list.hidden = false;
  };

  field.addEventListener('focus', () => void open());
  field.addEventListener('input', () => void show());
  field.form.addEventListener('submit', (event) => {
    event.preventDefault();
    list.querySelector('a')?.click();
  });
  field.form.addEventListener('keydown', (event) => {
    const links = [field, ...list.querySelectorAll('a')];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === 'Escape') {
      list.hidden = true;
      field.blur();
    } else if (step !== undefined && !list.hidden) {
      event.preventDefault();
      links[links.indexOf(document.activeElement) + step]?.focus();
    }
  });
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.target.closest('input')) return;
    event.preventDefault();
    field.focus();
  });
  document.addEventListener('click', (event) => {
    if (!event.target.closest('form')) list.hidden = true;
  });

  // A narrow screen begins with the page, not with the list of pages.
  if (window.matchMedia('(max-width: 60rem)').matches) document.querySelector('.menu details').open = false;

  const root = document.documentElement;
  const remembered = (() => {
    try {
      return localStorage.getItem('ravelin-theme');
    } catch {
      return null;
    }
  })();
  if (remembered !== null) root.dataset.theme = remembered;
  document.getElementById('theme').addEventListener('click', () => {
    const isDark =
      (root.dataset.theme ??
        (window.matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark';
    root.dataset.theme = isDark ? 'light' : 'dark';
    try {
      localStorage.setItem('ravelin-theme', root.dataset.theme);
    } catch {
      // A page from the disk may have no memory.
    }
  });

  // A search in the address, so that it can be linked to: ?q=tvm
  const query = new URLSearchParams(location.search).get('q');
  if (query) {
    field.value = query;
    void show();
  }
})();
