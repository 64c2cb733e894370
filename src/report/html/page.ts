import { type Attachments, inside } from './attachments.ts';
import { claimsSection } from './claims-section.ts';
import { costSection } from './cost-section.ts';
import { html, text } from './elements.ts';
import { figuresSection } from './figures-section.ts';
import { contentsOf, pageOf } from './page-frame.ts';
import type { Problem, RunReport, Source, Warning } from './run-report.ts';
import { scoresSection } from './scores-section.ts';

/**
 * Writes the report as one HTML file that needs no network, storage or script, and has the same bytes for the same run. Its policy lets nothing run or
 * load but what is in it, or in the files beside it: results come from caches and plugins, so none of them is trusted.
 */
export function reportPage(report: RunReport, attachments: Attachments = inside): string {
  const sections = [
    problemsSection(report.failures, report.warnings),
    claimsSection(report.claims),
    figuresSection(report.figures, attachments),
    scoresSection(report.scores),
    report.costs.length === 0 ? '' : costSection(report),
    originSection(report),
  ];
  const title = report.run === '' ? report.pipeline : `${report.pipeline} · ravelin ${report.run}`;
  const paragraphs = report.text.split(/\n\s*\n/).filter((part) => part.trim() !== '');
  const header = [
    html('h1', {}, text(report.pipeline)),
    statusLine(report),
    ...paragraphs.map((part) => html('p', {}, text(part))),
    contents(report),
  ];
  return pageOf(title, header.join(''), sections.join(''));
}

function statusLine({ run, status }: RunReport): string {
  if (run === '') return '';
  return html('p', { class: status === 'ok' ? 'status' : 'status bad' }, text(`run ${run}: ${status}`));
}

function contents({ failures, warnings, claims, figures, scores, costs, facts, sources }: RunReport): string {
  const hasOrigin = facts.length + sources.length > 0;
  const links: readonly (readonly [id: string, name: string, isThere: boolean])[] = [
    ['problems', 'warnings', failures.length + warnings.length > 0],
    ['claims', 'claims', claims.length > 0],
    ['figures', 'figures', figures.length > 0],
    ['scores', 'scores', scores.rows.length > 0],
    ['cost', 'cost', costs.length > 0],
    ['origin', 'origin', hasOrigin],
  ];
  return contentsOf(links);
}

/** Cells that are named beside a warning. */
const namedCells = 3;

function problemsSection(failures: readonly Problem[], warnings: readonly Warning[]): string {
  if (failures.length + warnings.length === 0) return '';
  const items = [
    ...failures.map(({ cell, message, fix }) =>
      html(
        'li',
        { class: 'bad' },
        html('code', {}, text(cell)),
        ` ${text(message)}`,
        fix === undefined ? '' : ` ${html('span', { class: 'note' }, text(`Remedy: ${fix}`))}`,
      ),
    ),
    ...warnings.map(({ message, cells }) => {
      const more = cells.length > namedCells ? ` and ${cells.length - namedCells} more` : '';
      const named = cells.length === 0 ? '' : ` (${cells.slice(0, namedCells).join(', ')}${more})`;
      return html('li', {}, text(message), html('span', { class: 'note' }, text(named)));
    }),
  ];
  return html(
    'section',
    { id: 'problems' },
    html('h2', {}, failures.length > 0 ? 'Failures and warnings' : 'Warnings'),
    html('ul', {}, ...items),
  );
}

function originSection({ facts, command, sources }: RunReport): string {
  if (facts.length + sources.length === 0) return '';
  return html(
    'section',
    { id: 'origin' },
    html('h2', {}, 'Where the numbers come from'),
    html(
      'dl',
      {},
      ...facts.flatMap(([name, value]) => [html('dt', {}, text(name)), html('dd', {}, text(value))]),
    ),
    ...(command === '' ? [] : [html('h3', {}, 'To repeat it'), html('pre', { tabindex: 0 }, text(command))]),
    ...sources.map(sourceBlock),
  );
}

function sourceBlock({ path, text: content, changed }: Source): string {
  return html(
    'details',
    {},
    html(
      'summary',
      {},
      html('code', {}, text(path)),
      changed ? ` ${html('span', { class: 'flag' }, 'written after the run began')}` : '',
    ),
    html('pre', { tabindex: 0 }, text(content)),
  );
}
