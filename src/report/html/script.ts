import { chartScript } from './script-charts.ts';
import { galleryScript } from './script-galleries.ts';
import { tableScript } from './script-tables.ts';

/**
 * The script of the page: heads sort tables, a field filters scores, charts say their values under the pointer or the arrow keys and hide their
 * series, and images open large. It only adds: the page is whole without it.
 */
export const script = ["'use strict';", tableScript, chartScript, galleryScript].join('\n');
