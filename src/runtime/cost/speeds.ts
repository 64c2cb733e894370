import type { UnitWork } from '../events.ts';

/** Units of one kind, and how long they took. */
export interface ObservedUnits {
  readonly uses: string;
  readonly work: UnitWork | null;
  /** Images of a unit, on average. */
  readonly images: number;
  /** Seconds of a unit, on average. */
  readonly seconds: number;
  /** The number of units; less than one for a unit whose time is only guessed yet. */
  readonly units: number;
  /** Whether each was the first of its kind on its worker, which also opens models and compiles. */
  readonly isCold: boolean;
  /** The run that has computed them: units of one run share the load of the machine. */
  readonly run: string;
}

export interface Prediction {
  /** The median of what a unit may take; null if nothing is known of its stage type. */
  readonly seconds: number | null;
  /** How the logarithm of that depends on what is not known. */
  readonly feature: Feature;
}

/** Weights of the unknown logarithms by which times deviate, by their name. */
export type Feature = ReadonlyMap<string, number>;

/**
 * Standard deviations of the logarithms by which the time of a unit deviates from the rates: of everything on this machine, of a run on it (its
 * load), of a family of operations, of an operation, of a network, of a stage type, of units that are alike; of the first unit of a kind on a worker; of the operations of a stage type that
 * says nothing of its work, and if none of it was measured; and of a unit among those that are alike.
 */
const deviations = {
  all: 0.6,
  run: 0.3,
  family: 0.4,
  operation: 0.3,
  network: 0.3,
  uses: 0.4,
  alike: 0.4,
  cold: 0.5,
  silent: 10,
  guess: 1.2,
  unit: 0.25,
};
/** Seconds by which the time of a unit is uncertain, however short it is. */
const blurSeconds = 0.002;

/** Units that take longer than this are made less than half as long again by what the first one on a worker does beside its work. */
const coldSeconds = 0.1;

/** Operations of a family take more or less time together, if the machine is another one than that of the rates. */
const families: Readonly<Record<string, string>> = {
  forward: 'network',
  gradient: 'network',
  training: 'network',
  'update parameters': 'network',
  'network call': 'calls',
  'training step': 'calls',
  'code bytes': 'files',
  unit: 'files',
  'open model': 'files',
  report: 'files',
  'report input': 'files',
  'make parameters': 'files',
};
const otherFamily = 'pixels';

/** Units observed at most; of more, those that took most of the time are taken. */
const mostObserved = 150;

/**
 * Predicts the seconds of units from the work that they do, the rates of its operations, and what was measured. A unit takes the seconds of its operations
 * by the rates, times factors whose logarithms are normal: those of the machine, of the run, of families of operations, of operations, of networks, of stage
 * types and of units that are alike. Every measured unit says something of all of its factors (Bayesian linear regression: C. M. Bishop, "Pattern
 * Recognition and Machine Learning", 2006, section 3.3, in its dual form). So the first predictions of a network show how fast attacks on it will be, and
 * units that are unlike all that was measured keep a wide range.
 */
export class Speeds {
  readonly #secondsPer: Readonly<Record<string, number>>;
  readonly #observed: readonly ObservedUnits[];
  /** Images of some unit of each stage type. */
  readonly #imagesOf = new Map<string, number>();
  /** The logarithms of the factors of operations by which the shares of operations in a unit are known. */
  #centre: (operation: string) => number = () => 0;
  #features: readonly Feature[] = [];
  #triangle: Float64Array = new Float64Array(0);
  /** (K + noise)⁻¹ (y − mean) */
  #weights: Float64Array = new Float64Array(0);

  constructor(secondsPer: Readonly<Record<string, number>>, observed: readonly ObservedUnits[]) {
    this.#secondsPer = secondsPer;
    this.#observed = observed
      .filter(({ seconds }) => seconds > 0)
      .sort((a, b) => b.seconds * b.units - a.seconds * a.units)
      .slice(0, mostObserved);
    for (const { uses, images } of this.#observed) this.#imagesOf.set(uses, images);
    // The shares of operations in a unit depend on their factors, so they are found twice.
    for (let round = 0; round < 2; round++) this.#solve();
  }

  /** Predicts a unit of the run `run`, if `coldShare` of its kind will be the first on their worker. */
  predict(uses: string, work: UnitWork | null, images: number, run: string, coldShare: number): Prediction {
    const { feature, logSeconds, isSilent } = this.#unit(uses, work, images, run, coldShare);
    const usual = this.#imagesOf.get(uses);
    if (isSilent && usual === undefined) return { seconds: null, feature: new Map([[`guess ${uses}`, 1]]) };
    // A cell that does not say how many images it has is taken for one like the others.
    const unsaid = isSilent && images === 0 ? Math.log(Math.max(1, usual!)) : 0;
    return { seconds: Math.exp(logSeconds + unsaid + this.#mean(feature)), feature };
  }

  /** The standard deviation of the logarithm of a sum of seconds. */
  deviationOf(parts: readonly { readonly seconds: number; readonly feature: Feature }[]): number {
    const total = parts.reduce((sum, { seconds }) => sum + seconds, 0);
    if (total <= 0) return 0;
    const sum = new Map<string, number>();
    for (const { seconds, feature } of parts)
      for (const [name, weight] of feature) sum.set(name, (sum.get(name) ?? 0) + (weight * seconds) / total);
    return Math.sqrt(this.#variance(sum));
  }

  #solve(): void {
    const rows = this.#observed.map(({ uses, work, images, seconds, units, run, isCold }) => {
      const { feature, logSeconds } = this.#unit(uses, work, images, run, isCold ? 1 : 0);
      const noise = (deviations.unit ** 2 + ((isCold ? coldSeconds : blurSeconds) / seconds) ** 2) / units;
      return { feature, deviation: Math.log(seconds) - logSeconds, noise };
    });
    const size = rows.length;
    const matrix = new Float64Array(size * size);
    rows.forEach((row, i) => {
      for (let j = 0; j <= i; j++) matrix[i * size + j] = covariance(row.feature, rows[j]!.feature);
      matrix[i * size + i]! += row.noise;
    });
    factorise(matrix, size);
    const weights = Float64Array.from(rows, ({ deviation }) => deviation);
    solveLower(matrix, weights);
    solveUpper(matrix, weights);
    this.#features = rows.map(({ feature }) => feature);
    this.#triangle = matrix;
    this.#weights = weights;
    const known = new Map<string, number>();
    const weightsOf = new Map<string, number>();
    this.#features.forEach((feature, row) => {
      for (const [name, weight] of feature)
        weightsOf.set(name, (weightsOf.get(name) ?? 0) + weight * weights[row]!);
    });
    this.#centre = (operation) => {
      let value = known.get(operation);
      if (value === undefined) {
        value = 0;
        for (const name of operationFeature(operation))
          value += varianceOf(name) * (weightsOf.get(name) ?? 0);
        known.set(operation, value);
      }
      return value;
    };
  }

  #mean(feature: Feature): number {
    return this.#features.reduce((sum, own, row) => sum + covariance(feature, own) * this.#weights[row]!, 0);
  }

  #variance(feature: Feature): number {
    const cross = Float64Array.from(this.#features, (own) => covariance(feature, own));
    solveLower(this.#triangle, cross);
    const known = cross.reduce((sum, value) => sum + value ** 2, 0);
    return Math.max(0, covariance(feature, feature) - known);
  }

  /** A unit as a linear function of the unknown logarithms: log seconds = `logSeconds` + feature · unknown. */
  #unit(
    uses: string,
    work: UnitWork | null,
    images: number,
    run: string,
    coldShare: number,
  ): { readonly feature: Feature; readonly logSeconds: number; readonly isSilent: boolean } {
    const parts = work === null ? null : partsOf(work, images, this.#secondsPer);
    const feature = new Map<string, number>([
      [`run ${run}`, 1],
      [`uses ${uses}`, 1],
    ]);
    if (work !== null) feature.set(`alike ${work.alike}`, 1);
    if (parts === null) {
      feature.set(`silent ${uses}`, 1);
      return { feature, logSeconds: Math.log(Math.max(1, images)), isSilent: true };
    }
    let total = 0;
    let shift = 0;
    const grown = parts.map(([operation, seconds]) => {
      const value = seconds * Math.exp(this.#centre(operation));
      total += value;
      return [operation, value] as const;
    });
    for (const [operation, value] of grown) {
      const share = value / total;
      shift += share * this.#centre(operation);
      for (const name of operationFeature(operation)) feature.set(name, (feature.get(name) ?? 0) + share);
      if (families[operation] === 'network' && work?.network !== undefined) {
        const name = `network ${work.network}`;
        feature.set(name, (feature.get(name) ?? 0) + share);
      }
    }
    if (coldShare > 0) feature.set('cold', (coldShare * coldSeconds) / (coldSeconds + total));
    return { feature, logSeconds: Math.log(total) - shift, isSilent: false };
  }
}

/** Seconds of the operations of a unit by these rates; null if one of them has no rate, or none takes any time. */
function partsOf(
  { perImage, perUnit }: UnitWork,
  images: number,
  secondsPer: Readonly<Record<string, number>>,
): readonly (readonly [operation: string, seconds: number])[] | null {
  const parts: [string, number][] = [];
  for (const [work, times] of [
    [perUnit, 1],
    [perImage, images],
  ] as const)
    for (const [operation, amount] of Object.entries(work)) {
      const rate = secondsPer[operation];
      if (rate === undefined) return null;
      if (rate * amount * times > 0) parts.push([operation, rate * amount * times]);
    }
  return parts.length === 0 ? null : parts;
}

/** The unknown logarithms that an operation depends on, in every unit that does it. */
function operationFeature(operation: string): readonly string[] {
  return ['all', `family ${families[operation] ?? otherFamily}`, `operation ${operation}`];
}

function varianceOf(name: string): number {
  const space = name.indexOf(' ');
  return deviations[(space < 0 ? name : name.slice(0, space)) as keyof typeof deviations] ** 2;
}

function covariance(a: Feature, b: Feature): number {
  let sum = 0;
  for (const [name, weight] of a) {
    const other = b.get(name);
    if (other !== undefined) sum += weight * other * varianceOf(name);
  }
  return sum;
}

/** Replaces a positive definite matrix, of which the lower half is read, by its Cholesky factor. */
function factorise(matrix: Float64Array, size: number): void {
  for (let row = 0; row < size; row++)
    for (let column = 0; column <= row; column++) {
      let value = matrix[row * size + column]!;
      for (let k = 0; k < column; k++) value -= matrix[row * size + k]! * matrix[column * size + k]!;
      matrix[row * size + column] =
        row === column ? Math.sqrt(Math.max(value, 1e-12)) : value / matrix[column * size + column]!;
    }
}

/** Solves L x = b in place. */
function solveLower(triangle: Float64Array, vector: Float64Array): void {
  const size = vector.length;
  for (let row = 0; row < size; row++) {
    let value = vector[row]!;
    for (let k = 0; k < row; k++) value -= triangle[row * size + k]! * vector[k]!;
    vector[row] = value / triangle[row * size + row]!;
  }
}

/** Solves Lᵀ x = b in place. */
function solveUpper(triangle: Float64Array, vector: Float64Array): void {
  const size = vector.length;
  for (let row = size - 1; row >= 0; row--) {
    let value = vector[row]!;
    for (let k = row + 1; k < size; k++) value -= triangle[k * size + row]! * vector[k]!;
    vector[row] = value / triangle[row * size + row]!;
  }
}
