/** Whether a location is a relative path that never leaves its folder, on any system. */
export function isInside(location: string): boolean {
  const parts = location.split('/');
  return (
    location !== '' &&
    !location.includes('\\') &&
    !location.includes('\0') &&
    !/^[A-Za-z]:/.test(location) &&
    !parts.includes('..') &&
    parts[0] !== '' &&
    parts.at(-1) !== '' &&
    parts.at(-1) !== '.'
  );
}
