/**
 * Look of a series. Colour, marker and dash all differ, so that series stay distinct in grey printing and for
 * colour-blind readers.
 */
export interface SeriesLook {
  readonly colour: string;
  readonly marker: Marker;
  readonly dash: string | undefined;
}

export type Marker =
  'circle' | 'square' | 'triangle' | 'diamond' | 'triangle-down' | 'cross' | 'plus' | 'pentagon';

/** The colours of Okabe and Ito 2008, with grey instead of the yellow, which vanishes as a line on white. */
const colours = [
  '#0072B2',
  '#D55E00',
  '#009E73',
  '#CC79A7',
  '#E69F00',
  '#56B4E9',
  '#000000',
  '#777777',
] as const;
const markers = [
  'circle',
  'square',
  'triangle',
  'diamond',
  'triangle-down',
  'cross',
  'plus',
  'pentagon',
] as const;
const dashes = [undefined, '6 2', '2 2', '8 2 2 2', '4 4', '1 2', '10 3', '6 2 2 2 2 2'] as const;

/** How many looks there are before the first one comes again. */
export const distinctLooks = 64;

/**
 * Look of the series at `index` (from 0). The first 64 are distinct, because the markers shift after each
 * round of colours.
 */
export function seriesLook(index: number): SeriesLook {
  const round = Math.floor(index / colours.length);
  return {
    colour: colours[index % colours.length]!,
    marker: markers[(index + round) % markers.length]!,
    dash: dashes[(index + round) % dashes.length],
  };
}
