/**
 * Reads the points of a chart from the page itself. The pointer, or the arrow keys when the chart has the focus, choose a place on the horizontal
 * axis of a panel, and a line below says the value of each series there. A button for each series hides it in all panels.
 */
export const chartScript = `
const light = { '--back': '#ffffff', '--text': '#222222', '--quiet': '#555555', '--line': '#e4e4e4' };
for (const name of document.querySelectorAll('figcaption .drawn')) {
  const chart = name.closest('figure').querySelector('.chart');
  const [drawing, image] = [chart.querySelector('svg'), chart.querySelector('img')];
  const link = document.createElement('a');
  link.textContent = 'Download SVG';
  link.download = name.textContent.replace(/[^\\w.-]+/g, '_').slice(-76) + '.svg';
  const text = drawing === null ? '' : new XMLSerializer().serializeToString(drawing).replace(/var\\((--[a-z]+)\\)/g, (whole, ink) => light[ink] || whole);
  link.href = image !== null ? image.src : 'data:image/svg+xml;charset=utf-8,' + encodeURIComponent(text);
  name.parentNode.append(' · ', link);
}
const short = (text) => String(Number(Number(text).toPrecision(4)));
for (const chart of document.querySelectorAll('.chart.points')) {
  const drawing = chart.querySelector('svg');
  const pointsOf = (panel) => [...panel.querySelectorAll('[data-x][data-y]')].map((mark) => {
    const group = mark.closest('[data-series]');
    const published = group !== null && group.getAttribute('class') === 'published';
    const name = group === null ? '' : group.getAttribute('data-series');
    const colour = mark.getAttribute('fill') === 'none' ? mark.getAttribute('stroke') : mark.getAttribute('fill');
    const [low, high] = [mark.getAttribute('data-low'), mark.getAttribute('data-high')];
    const interval = low === null || high === null ? '' : ' [' + short(low) + ', ' + short(high) + ']';
    return { mark, x: Number(mark.getAttribute('data-x')), label: mark.getAttribute('data-x-label'), text: short(mark.getAttribute('data-y')) + interval, name: name + (published ? ' (published)' : ''), group, colour };
  });
  const found = [...drawing.querySelectorAll('.panel')];
  const panels = (found.length > 0 ? found : [drawing]).map((panel) => {
    const points = pointsOf(panel);
    return { panel, title: panel.getAttribute('data-panel') || '', points, places: [...new Set(points.map(({ x }) => x))].sort((a, b) => a - b) };
  }).filter(({ points }) => points.length > 0);
  if (panels.length === 0) continue;
  const readout = document.createElement('div');
  readout.className = 'readout';
  readout.setAttribute('aria-live', 'polite');
  const hint = 'Point at the curves, or focus them and press the arrow keys, to read their values.';
  readout.textContent = hint;
  chart.after(readout);
  let at = [-1, -1];
  const show = (panelIndex, placeIndex) => {
    at = [panelIndex, placeIndex];
    const { title, points, places } = panels[panelIndex];
    const x = places[placeIndex];
    const items = points.filter((point) => point.x === x && (point.group === null || point.group.style.display !== 'none')).map(({ name, text, colour }) => {
      const item = document.createElement('span');
      const swatch = document.createElement('i');
      swatch.style.background = colour;
      const words = name === '' ? text : name + ' ' + text;
      item.append(swatch, words);
      return item;
    });
    const head = document.createElement('span');
    head.textContent = (title === '' ? '' : title + ' ') + 'at ' + (points.find((point) => point.x === x).label || short(x)) + ':';
    readout.replaceChildren(head, ...items);
  };
  chart.tabIndex = 0;
  chart.setAttribute('role', 'group');
  chart.setAttribute('aria-label', 'Chart. The arrow keys read its values: left and right along the axis, up and down between panels.');
  chart.addEventListener('keydown', (event) => {
    const [panel, place] = at;
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = Math.min(Math.max(0, panel + step[0]), panels.length - 1);
    show(next, Math.min(Math.max(0, place + step[1]), panels[next].places.length - 1));
  });
  drawing.addEventListener('pointermove', (event) => {
    let best = [Infinity, 0, 0];
    panels.forEach(({ points, places }, panelIndex) => {
      for (const { mark, x } of points) {
        const box = mark.getBoundingClientRect();
        const distance = Math.hypot(event.clientX - box.x - box.width / 2, (event.clientY - box.y - box.height / 2) / 4);
        if (distance < best[0]) best = [distance, panelIndex, places.indexOf(x)];
      }
    });
    if (best[1] !== at[0] || best[2] !== at[1]) show(best[1], best[2]);
  });
  const groups = [...drawing.querySelectorAll('.series'), ...drawing.querySelectorAll('[data-series]:not(.series)')];
  const names = [...new Set(groups.map((group) => group.getAttribute('data-series')))].filter((name) => name !== '');
  if (names.length < 2) continue;
  const toggles = document.createElement('div');
  toggles.className = 'toggles';
  toggles.setAttribute('role', 'group');
  toggles.setAttribute('aria-label', 'Show or hide series');
  for (const name of names) {
    const own = groups.filter((group) => group.getAttribute('data-series') === name);
    const button = document.createElement('button');
    button.type = 'button';
    button.setAttribute('aria-pressed', 'true');
    const swatch = document.createElement('i');
    const mark = own[0].querySelector('[data-x]') || own[0].querySelector('path');
    const fill = mark === null ? 'none' : mark.getAttribute('fill');
    swatch.style.background = fill === null || fill === 'none' ? (mark === null ? 'none' : mark.getAttribute('stroke')) : fill;
    button.append(swatch, name);
    button.addEventListener('click', () => {
      const shown = button.getAttribute('aria-pressed') !== 'true';
      button.setAttribute('aria-pressed', String(shown));
      for (const group of own) group.style.display = shown ? '' : 'none';
    });
    toggles.append(button);
  }
  readout.after(toggles);
}
`.trim();
