/** `0.4 s`, `42 s`, `3:07`, `2:03:09`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–';
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const two = (number: number): string => String(number).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours === 0 ? `${minutes}:${two(whole % 60)}` : `${hours}:${two(minutes)}:${two(whole % 60)}`;
}

/** `640 B`, `12 KiB`, `812 MiB`, `1.5 GiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let [value, unit] = [bytes, 0];
  while (value >= 1023.5 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit >= 3 && value < 100 ? value.toFixed(1) : Math.round(value)} ${units[unit]!}`;
}

export function formatRate(perSecond: number): string {
  return perSecond < 9.95 ? perSecond.toFixed(1) : String(Math.round(perSecond));
}

/** `1 cell`, `3 cells`. */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Thousands are grouped: `12,000`. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** A number in the form of the live display: shares in per cent, others with four significant digits. */
export function formatMetric(name: string, value: number): string {
  const label = name.replace(/([a-z\d])([A-Z])/g, '$1 $2').toLowerCase();
  if (!Number.isFinite(value)) return `${label} ${value}`;
  const share = /accuracy|rate$/i.test(name) && !/learning/i.test(name) && Math.abs(value) <= 1;
  return `${label} ${share ? `${(value * 100).toFixed(1)} %` : String(Number(value.toPrecision(4)))}`;
}

/** Quotes a word for a POSIX shell if it needs quotes. */
export function shellQuote(word: string): string {
  return /^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The command that runs one cell again, with what it needs. */
export function rerunCommand(file: string, cell: string): string {
  return `ravelin run ${shellQuote(file)} --only ${shellQuote(cell)}`;
}
